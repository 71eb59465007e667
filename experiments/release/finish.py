"""Finishes a trained SRGAN: blends SRResNet in, then sets its colours right.

    python experiments/release/finish.py MODEL OUT.weights.h5 \\
        --faithful=srresnet_x4 --realism=0.93 --colours=PHOTOS

Either can be left out. A few hundredths of SRResNet, from which SRGAN began, gain more
PSNR than they cost in texture. Colours drift in adversarial training, since VGG19
features hardly feel a few levels: a factor and an offset for each channel in front of
the last tanh, fitted to photos by least squares on 8x8 means, take that out. They
become part of the last convolution; nothing else changes.
"""

import argparse
import sys

import numpy as np

from srgan_tf.data.listing import find_photos
from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.photos import Photos
from srgan_tf.errors import UserError
from srgan_tf.files import whole_file
from srgan_tf.models import Generator
from srgan_tf.models.interpolation import interpolate
from srgan_tf.models.pretrained import load_generator

# 12 batches of 16 crops.
CROP_SIZE, BATCH_SIZE, BATCHES = 192, 16, 12


def means(images: np.ndarray) -> np.ndarray:
    """8x8 means of `[N, H, W, 3]`, as `[n, 3]`."""
    n, height, width, _ = images.shape
    blocks = images.reshape(n, height // 8, 8, width // 8, 8, 3)
    return blocks.mean(axis=(2, 4)).reshape(-1, 3)


def keep_colours(generator: Generator, dataset: str) -> None:
    """Fits the last convolution's channels to photos; prints how far colours are off.

    Args:
        generator: Changed in place.
        dataset: HR photos, as `--dataset` of training names them.
    """
    photos = Photos(find_photos(dataset), CROP_SIZE)
    pairs = training_pairs(
        photos, CROP_SIZE, scale=generator.scale, batch_size=BATCH_SIZE
    )
    crops = [(np.asarray(generator(lr)), hr.numpy()) for lr, hr in pairs.take(BATCHES)]
    sr, hr = map(np.concatenate, zip(*crops))
    before_tanh, wanted = np.arctanh(np.clip(sr, -0.9999, 0.9999)), means(hr)
    factor, offset = np.ones(3), np.zeros(3)
    for _ in range(5):  # Gauss-Newton
        sr = np.tanh(factor * before_tanh + offset)
        error = means(sr) - wanted
        print(f"RMSE {127.5 * np.sqrt((error**2).mean()):.3f} levels")
        slopes = np.stack([means((1 - sr**2) * before_tanh), means(1 - sr**2)], axis=-1)
        for c in range(3):
            step = np.linalg.lstsq(slopes[:, c], error[:, c], rcond=None)[0]
            factor[c], offset[c] = factor[c] - step[0], offset[c] - step[1]
    print(f"factors {factor}, offsets {offset}")
    tail = generator.tail
    tail.kernel.assign(tail.kernel * factor)
    tail.bias.assign(tail.bias * factor + offset)


def main(words: list[str] | None = None) -> None:
    """Reads the command line, `sys.argv` if None, and writes the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a run folder or a file")
    parser.add_argument("out", help="OUT.weights.h5")
    parser.add_argument("--faithful", help="what to blend in: a model as above")
    parser.add_argument("--realism", type=float, help="the share of MODEL, 0 to 1")
    parser.add_argument("--colours", metavar="PHOTOS", help="fit colours to them")
    args = parser.parse_args(words)
    if (args.faithful is None) != (args.realism is None):
        parser.error("--faithful and --realism go together")
    if not 0 <= (1 if args.realism is None else args.realism) <= 1:
        parser.error("--realism must be 0 to 1")
    if not args.out.endswith(".weights.h5"):
        parser.error("OUT must end in .weights.h5")
    try:
        generator = load_generator(args.model)
        if args.faithful:
            shares = [1.0 - args.realism, args.realism]
            generators = [load_generator(args.faithful), generator]
            generator = interpolate(generators, shares)
        if args.colours:
            keep_colours(generator, args.colours)
        with whole_file(args.out) as partial:
            generator.save_weights(partial)
    except UserError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
