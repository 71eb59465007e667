"""How fast this machine trains, beside its matrix multiplication and the pipeline."""

import dataclasses
import math
import os
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from srgan_tf.data.opening import PhotoSet, training_photos
from srgan_tf.data.pairs import training_pairs
from srgan_tf.evaluation.speed import multiplications
from srgan_tf.models import Generator
from srgan_tf.models.losses import VGGLoss
from srgan_tf.options import TrainOptions
from srgan_tf.training.metrics_log import MetricsLog
from srgan_tf.training.precision import layers_in
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.stages import Stages, new_discriminator, stage_loss

MATRIX = 4096
SECONDS = 6  # about as long each stage is run in each precision
PARTS = 6  # of that time; the first two warm up, and the last one ends in validation

NOTES = """\
Whole steps of `fit` on one device, with pipeline, metrics, log and progress bar. GFLOP
of a step: three times the forward ones where weights learn, twice where only a gradient
passes. The last column: how many times faster the pipeline is than the model needs.
VGG19, where the loss has it, has random weights here, which take the same time."""


def benchmark_training(options: TrainOptions, precisions: Sequence[str]) -> None:
    """Prints the speed of the pipeline and of both stages.

    Args:
        options: Of the photos, networks, losses, crops and batches; other places and
            numbers of steps do not count.
        precisions: Policies of Keras, such as `mixed_bfloat16`.

    Raises:
        UserError: If there is no such loss.
    """
    photos = training_photos(options)
    batch = options.batch_size
    cores = len(os.sched_getaffinity(0))
    alone, supply = (_pipeline(photos, options, threads) for threads in (1, cores))
    rows = []
    peaks = []
    for precision in precisions:
        with layers_in(precision):
            dtype = keras.config.dtype_policy().compute_dtype
            peak = _peak(dtype)
            peaks.append(f"{dtype} {peak / 1e9:.0f}")
            for network, seconds, work in _stages(options, photos, peak):
                rows.append(
                    f"{network:10}{precision:16}{seconds:8.3f}{1 / seconds:9.2f}"
                    f"{work / 1e9:8.0f}{work / seconds / peak:9.0%}"
                    f"{batch / seconds:11.1f}{supply * seconds / batch:10.0f}x"
                )
    print(
        f"Training: {batch} crops of {options.crop_size} px, x{options.scale}, "
        f"{options.num_blocks} blocks of {options.filters} filters, content loss "
        f"{options.content_loss}\n"
        f"Matmul peak in GFLOP/s: {', '.join(peaks)}\n"
        f"Photos: {options.dataset}, {photos}\n"
        f"Pipeline without a model, degradation {options.degradation}: {alone:.0f} "
        f"crops/s in one thread, {supply:.0f} in {cores}\n"
        f"{'':26}{'s/step':>8}{'steps/s':>9}{'GFLOP':>8}{'of peak':>9}"
        f"{'crops/s':>11}{'pipeline':>11}"
    )
    print(*rows, NOTES, sep="\n")


class _Clock(MetricsLog):
    """A log that remembers when rows of metrics.csv were written."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.times: list[float] = []

    def record(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        super().record(stage, step, values)
        self.times.append(time.perf_counter())


def _stages(
    options: TrainOptions, photos: PhotoSet, peak: float
) -> Iterable[tuple[str, float, int]]:
    """Runs both stages; gives name, seconds and floating-point operations of a step."""
    flags = "pretrain_loss", "content_loss"
    losses = [stage_loss(options, flag, None) for flag in flags]
    generator = Generator(options.scale, options.num_blocks, options.filters)
    forward = multiplications(generator) * (options.crop_size // options.scale) ** 2
    judged = _discriminator_multiplications(options)
    features = [_loss_multiplications(loss, options.crop_size) for loss in losses]
    # Features of HR need no gradient; those of SR only let it pass.
    counts = {
        "pretrain": 3 * forward + 3 * features[0],
        # The discriminator learns from HR and SR, then lets a gradient pass to SR.
        "gan": 3 * forward + (3 + 3 + 2) * judged + 3 * features[1],
    }
    for stage, loss in zip(counts, losses):
        work = 2 * options.batch_size * counts[stage]
        # Where nothing is known yet, half of the peak is a good guess.
        steps = SECONDS * peak / 2 / work / PARTS
        every = options.steps_per_execution
        every *= max(1, round(steps / every))
        seconds, generator = _time_stage(options, stage, every, photos, generator, loss)
        yield {"pretrain": "SRResNet", "gan": "SRGAN"}[stage], seconds, work


def _time_stage(
    options: TrainOptions, stage: str, every: int, photos: PhotoSet, generator, loss
) -> tuple[float, Generator]:
    """Trains in `PARTS` parts of `every` steps; gives the median second of a step."""
    steps: dict[str, Any] = {
        "pretrain_steps": 0,
        "gan_steps": 0,
        f"{stage}_steps": every * PARTS,
    }
    with tempfile.TemporaryDirectory() as path:
        options = dataclasses.replace(
            options,
            init=None,  # the generator is given
            init_discriminator=None,
            keep="last",
            log_every=every,
            save_every=every * PARTS,
            **steps,
        )
        folder = RunFolder(path)
        folder.metrics = clock = _Clock(folder.path)
        folder.write_flags({})
        side = max(options.crop_size, 8 * options.scale)
        valid = [photos[0][:side, :side]]
        stages = Stages(options, folder, photos, valid, tf.distribute.get_strategy())
        generator = getattr(stages, stage)(generator, loss)
    return float(np.median(np.diff(clock.times)[1:-1])) / every, generator


def _pipeline(photos: PhotoSet, options: TrainOptions, threads: int) -> float:
    """Crops per second that the input pipeline alone gives in so many threads."""
    pairs = training_pairs(
        photos,
        options.crop_size,
        scale=options.scale,
        batch_size=options.batch_size,
        degradation=options.degradation,
    )
    pool = tf.data.Options()
    pool.threading.private_threadpool_size = threads
    batches = iter(pairs.with_options(pool))
    for _ in range(10):
        next(batches)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS / 2:
        next(batches)
        count += options.batch_size
    return count / (time.perf_counter() - start)


def _peak(dtype: str) -> float:
    """Floating-point operations per second of a large matrix product: the best of 5."""
    matrix = tf.cast(tf.random.uniform((MATRIX, MATRIX)), dtype)
    best = math.inf
    for _ in range(6):  # and one to warm up
        start = time.perf_counter()
        tf.matmul(matrix, matrix)[0, 0].numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * MATRIX**3 / best


def _discriminator_multiplications(options: TrainOptions) -> int:
    network = new_discriminator(dataclasses.replace(options, init_discriminator=None))
    dense = network.dense.kernel.shape, network.logits.kernel.shape
    convs = _conv_multiplications(network.convs, options.crop_size)
    return convs + sum(math.prod(shape) for shape in dense)


def _loss_multiplications(loss: keras.losses.Loss, side: int) -> int:
    """Products of VGG19 for one picture; the pixel losses' count for nothing."""
    if not isinstance(loss, VGGLoss):
        return 0
    return _conv_multiplications(loss.features.model.layers[1:], side)


def _conv_multiplications(layers: Iterable[keras.Layer], side: int) -> int:
    """Products of the convolutions in a chain of layers for one `[side, side, 3]`."""
    shape = (1, side, side, 3)
    total = 0
    for layer in layers:
        shape = layer.compute_output_shape(shape)
        if isinstance(layer, keras.layers.Conv2D):
            total += math.prod(layer.kernel.shape) * shape[1] * shape[2]
    return total
