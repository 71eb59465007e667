"""The command `benchmark`: how fast this machine upscales and trains."""

from srgan_tf.evaluation.speed import benchmark_upscaling
from srgan_tf.evaluation.training_speed import benchmark_training
from srgan_tf.evaluation.video_speed import benchmark_video
from srgan_tf.inference.choosing import default_model
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.models.pretrained import load_generator
from srgan_tf.options import BenchmarkOptions


def benchmark(options: BenchmarkOptions) -> None:
    """Prints the speed of upscaling, exports and training, beside the matmul peak."""
    generator = load_generator(options.model[0] if options.model else default_model())
    benchmark_upscaling(generator)
    benchmark_video(CompiledGenerator(generator))
    print(flush=True)
    precisions = ["float32", "mixed_bfloat16"]
    if options.precision != "auto":
        precisions = [options.precision]
    benchmark_training(options, precisions)
