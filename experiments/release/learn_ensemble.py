"""Teaches a generator the mean of its own eight flips and turns.

    python experiments/release/learn_ensemble.py --photos=DIR --valid=DIR --out=DIR

That mean ("Seven ways to improve example-based single image super resolution", Timofte
et al. 2016, section 3.5) has fewer errors than one pass and costs eight. As a target it
is quiet: what is left to learn has 1 % of the mean square of what HR holds and no
network can know, so a batch says far more about where to go.

`--out` receives the SR pictures (`ensemble/`, made once: another --model needs another
--out), `metrics.csv` and, every 250 steps, `srresnet.weights.h5`: the running average
of the weights.
"""

import argparse
import itertools
from pathlib import Path

import keras
import tensorflow as tf
from teaching import BORDER, SCALE, batch, common_arguments, with_targets

from srgan_tf.data.pairs import validation_pairs
from srgan_tf.data.sources import Photos, find_photos
from srgan_tf.metrics import luma_metrics
from srgan_tf.pretrained import load_generator
from srgan_tf.upscaling import load_model


def main(args: argparse.Namespace) -> None:
    """Makes the targets, then trains."""
    out = Path(args.out)
    photos = Photos(find_photos(args.photos), args.crop_size)
    valid = Photos(find_photos(args.valid), args.crop_size)
    pictures = with_targets(photos, load_model(args.model), out / "ensemble")

    keras.utils.set_random_seed(args.seed)
    keras.config.set_dtype_policy(args.precision)
    generator = load_generator(args.init or args.model)
    generator.freeze_batch_norm()
    loss = keras.losses.get(args.loss)

    def loss_inside(target, sr):
        inside = slice(BORDER, -BORDER)
        return loss(target[:, inside, inside], sr[:, inside, inside])

    rate = keras.optimizers.schedules.CosineDecay(args.learning_rate, args.steps, 0.01)
    generator.compile(
        keras.optimizers.Adam(rate, use_ema=True, ema_momentum=args.ema_decay),
        loss_inside,
        metrics=luma_metrics(SCALE),
    )
    lr_side, hr_side = args.crop_size // SCALE, args.crop_size
    settings = (args.crop_size, args.batch_size, args.share, args.seed)
    crops = tf.data.Dataset.from_generator(
        lambda: (batch(pictures, *settings, step) for step in itertools.count()),
        output_signature=tuple(
            tf.TensorSpec((args.batch_size, side, side, 3))
            for side in (lr_side, hr_side)
        ),
    )
    weights = out / "srresnet.weights.h5"
    every = min(250, args.steps)
    generator.fit(
        crops.prefetch(4),
        steps_per_epoch=every,
        epochs=args.steps // every,
        validation_data=validation_pairs(valid),
        verbose=2,
        callbacks=[
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            keras.callbacks.ModelCheckpoint(weights, save_weights_only=True),
            keras.callbacks.CSVLogger(out / "metrics.csv", append=True),
            keras.callbacks.TerminateOnNaN(),
        ],
    )


if __name__ == "__main__":
    arguments = common_arguments(__doc__.splitlines()[0])
    arguments.add_argument("--loss", default="mae")
    arguments.add_argument("--learning_rate", type=float, default=1e-4)
    arguments.add_argument("--steps", type=int, default=5500)
    arguments.add_argument("--crop_size", type=int, default=176)
    arguments.add_argument("--batch_size", type=int, default=5)
    arguments.add_argument("--ema_decay", type=float, default=0.99)
    arguments.add_argument("--precision", default="mixed_bfloat16")
    main(arguments.parse_args())
