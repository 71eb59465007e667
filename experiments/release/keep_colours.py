"""Sets contrast and level of a generator's output so that SR keeps the colours of HR.

    python experiments/release/keep_colours.py MODEL PHOTOS OUT.weights.h5

VGG19 features hardly feel colours that are off by a few levels, so adversarial training
drifts there. A factor and an offset for each channel in front of the last tanh, fitted
to training photos by least squares on 8x8 means, take the drift out. They become part
of the last convolution; nothing else changes.
"""

import sys

import numpy as np

from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.photos import Photos, find_photos
from srgan_tf.models.pretrained import load_generator


def means(images: np.ndarray) -> np.ndarray:
    """8x8 means of `[N, H, W, 3]`, as `[n, 3]`."""
    n, height, width, _ = images.shape
    blocks = images.reshape(n, height // 8, 8, width // 8, 8, 3)
    return blocks.mean(axis=(2, 4)).reshape(-1, 3)


def main(model: str, dataset: str, out: str) -> None:
    """Fits on 192 crops of 192 px from as many photos."""
    generator = load_generator(model)
    photos = Photos(find_photos(dataset), min_side=192)
    pairs = training_pairs(photos, 192, scale=generator.scale).take(12)
    srs, hrs = zip(*[(np.asarray(generator(lr)), hr.numpy()) for lr, hr in pairs])
    sr, hr = np.concatenate(srs), means(np.concatenate(hrs))
    before_tanh = np.arctanh(np.clip(sr, -0.9999, 0.9999))
    factor, offset = np.ones(3), np.zeros(3)
    for _ in range(5):  # Gauss-Newton
        sr = np.tanh(factor * before_tanh + offset)
        error = means(sr) - hr
        print(f"RMSE {127.5 * np.sqrt((error**2).mean()):.3f} levels")
        slopes = np.stack([means((1 - sr**2) * before_tanh), means(1 - sr**2)], axis=-1)
        for c in range(3):
            step = np.linalg.lstsq(slopes[:, c], error[:, c], rcond=None)[0]
            factor[c], offset[c] = factor[c] - step[0], offset[c] - step[1]
    print(f"factors {factor}, offsets {offset}")
    tail = generator.tail
    tail.kernel.assign(tail.kernel * factor)
    tail.bias.assign(tail.bias * factor + offset)
    generator.save_weights(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
