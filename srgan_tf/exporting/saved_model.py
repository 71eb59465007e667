"""SavedModels: pictures or the bytes of files in, the same out, of any size."""

import os
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from srgan_tf.exporting.decoding import decoded
from srgan_tf.exporting.plain import keep_plain, mirrored
from srgan_tf.exporting.serving import images_spec
from srgan_tf.exporting.windows import in_windows
from srgan_tf.files import whole_folder
from srgan_tf.inference.compiled import UPSAMPLING_RADIUS, UPSAMPLING_TILE
from srgan_tf.inference.exported import EXTRA_ASSETS, INFO_NAME, Info
from srgan_tf.inference.layers import network, residual_layers, upsampling_layers
from srgan_tf.inference.plain import MARGIN
from srgan_tf.inference.upscale import MIRRORED
from srgan_tf.models import Generator
from srgan_tf.pictures.ranges import hr_to_255, lr_from_255
from srgan_tf.quiet import quiet_log

# Side in LR pixels of what is made of a window: half a gigabyte of features.
PART = 512


def write_saved_model(
    generator: Generator, path: Path, info: Info, *, jit_compile: bool = False
) -> None:
    """Writes the folder, whole or not at all; see `srgan_tf.exporting.export`.

    Raises:
        UserError: If it cannot be written; what was there stays.
    """
    with whole_folder(path) as partial:
        module = _Signatures(generator, jit_compile)
        with quiet_log():
            signatures = module.all()
            tf.saved_model.save(module, os.fspath(partial), signatures=signatures)
        extra = partial / EXTRA_ASSETS
        extra.mkdir()
        (extra / INFO_NAME).write_text(info.to_json())


class _Signatures(tf.Module):
    """The functions that a SavedModel offers; weights are constants in them."""

    def __init__(self, generator: Generator, jit_compile: bool):
        super().__init__()
        first, rest = upsampling_layers(generator)
        self._scale, self._radius = generator.scale, generator.receptive_radius
        # As functions: what calls them several times holds their weights once.
        compiled = {"autograph": False, "jit_compile": jit_compile}
        self._residual = tf.function(
            residual_layers(generator), input_signature=[_any(3)], **compiled
        )
        self._upsampling = tf.function(
            lambda x: rest(first(x)),
            input_signature=[_any(generator.filters)],
            **compiled,
        )
        self._network = network(generator)

    def all(self) -> dict[str, Callable]:
        """By their names."""
        specs = {
            self.serving_default: images_spec(),
            self.serving_bytes: tf.TensorSpec((None,), tf.string, name="image_bytes"),
            self.serving_float: _any(3, name="images"),
        }
        return {
            method.__name__: tf.function(
                method, input_signature=[spec], autograph=False
            )
            for method, spec in specs.items()
        }

    def serving_default(self, images):
        images = _of_rank_4(images)

        def enlarge(images):
            return self._in_windows(lr_from_255(tf.cast(images, tf.float32)), tf.uint8)

        # Small ones at once, larger ones one by one, so that many take no more memory.
        sr = tf.cond(
            tf.reduce_prod(tf.shape(images, tf.int64)[:3]) <= PART**2,
            lambda: enlarge(images),
            lambda: tf.map_fn(
                lambda image: enlarge(image[None])[0], images, parallel_iterations=1
            ),
        )
        return {"sr": sr}

    def serving_bytes(self, image_bytes):
        # One by one, as they differ in size.
        pngs = tf.map_fn(self._of_bytes, image_bytes, parallel_iterations=1)
        # By this ending TensorFlow Serving knows that JSON needs base64.
        return {"sr_bytes": pngs}

    def serving_float(self, images):
        # Of plain layers only: other frameworks' converters know all of them.
        sr = self._network(lr_from_255(_of_rank_4(images)))
        return {"sr": tf.clip_by_value(hr_to_255(sr), 0.0, 255.0)}

    def _of_bytes(self, encoded):
        lr, gray, deep = decoded(encoded)
        lr = mirrored(lr, MIRRORED)
        edge = self._scale * MIRRORED

        def png(dtype):
            sr = self._in_windows(lr[None], dtype, plain=True)[0]
            sr = sr[edge:-edge, edge:-edge]
            return tf.cond(
                gray,
                lambda: tf.io.encode_png(sr[..., :1]),
                lambda: tf.io.encode_png(sr),
            )

        return tf.cond(deep, lambda: png(tf.uint16), lambda: png(tf.uint8))

    def _in_windows(self, lr, dtype, *, plain=False):
        """The network; and, if plain areas are to stay so, what `upscale` adds."""

        def finished(both):
            features, lr = both[..., :-3], both[..., -3:]
            sr = self._upsampling(features)
            if plain:
                sr = keep_plain(sr, lr)
            sr = tf.clip_by_value((sr + 1.0) * 0.5, 0.0, 1.0)
            return tf.cast(tf.round(sr * float(dtype.max)), dtype)

        upsampling = in_windows(
            finished,
            scale=self._scale,
            part=UPSAMPLING_TILE,
            halo=max(UPSAMPLING_RADIUS, MARGIN),
            dtype=dtype,
        )
        return in_windows(
            lambda x: upsampling(tf.concat([self._residual(x), x], axis=-1)),
            scale=self._scale,
            part=PART,
            halo=max(self._radius, MARGIN),
            dtype=dtype,
        )(lr)


def _any(channels: int, name: str | None = None) -> tf.TensorSpec:
    return tf.TensorSpec((None, None, None, channels), tf.float32, name=name)


def _of_rank_4(images: tf.Tensor) -> tf.Tensor:
    """The same, or an error where they are not `[N, H, W, 3]`.

    TensorFlow does not hold callers to a signature's rank, and with three dimensions a
    convolution ends the whole process. `tf.ensure_shape` would do, but TensorFlow.js
    and Core ML do not know it.
    """
    number, height, width = tf.unstack(tf.shape(images)[:3])
    return tf.reshape(images, (number, height, width, 3))
