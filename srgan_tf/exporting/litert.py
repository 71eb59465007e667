"""LiteRT models: float32, and with less exact numbers."""

import contextlib
import io
import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

from srgan_tf.errors import optional
from srgan_tf.exporting.serving import images_spec, served
from srgan_tf.inference.layers import Convolve, Weights, in_float32, network
from srgan_tf.inference.rounding import EXACT, Ranges, lr_crops, mean_error, observe
from srgan_tf.inference.runtimes import litert_runner, tflite
from srgan_tf.models import Generator
from srgan_tf.models.interpolation import interpolate
from srgan_tf.pictures.ranges import hr_from_255

FLOAT_LAYERS = f".*({'|'.join(EXACT)})/.*"


def litert_model(
    generator: Generator,
    *,
    quantize: str | None = None,
    window: tuple[int, int] | None = None,
    photos: Sequence[str] = (),
) -> bytes:
    """A `.tflite` file's content; see `srgan_tf.exporting.export.export`.

    Raises:
        UserError: If the optional package is missing or no photo can be used.
    """
    if quantize not in ("dynamic", "int8"):
        return _convert(generator, window, half=quantize == "float16")
    if quantize == "int8":
        quantizer = optional("ai_edge_quantizer.quantizer", "litert")
    crops = lr_crops(photos, generator.scale)
    ranges, exact = observe(generator, crops)
    limited = _limited(ranges)
    if quantize == "dynamic":
        run = litert_runner(_convert(generator, None, limited, eight_bits=True))
        rounded = [hr_from_255(run(crop[None])[0]) for crop in crops]
        centred = _centred(generator, rounded, exact)
        return _convert(centred, window, limited, eight_bits=True)
    with _quiet_tools():
        # Seen at any size, applied to the size that is wanted: the names are the same.
        any_size = bytearray(_convert(generator, None, limited))
        steps = _ranges(quantizer, any_size, crops)
        model = quantizer.Quantizer(bytearray(_convert(generator, window, limited)))
        model.add_static_config(".*", "CONV_2D", 8, 8)
        model.update_quantization_recipe(
            FLOAT_LAYERS, "CONV_2D", algorithm_key="no_quantize"
        )
        return _self_contained(model.quantize(steps).quantized_model)


def _centred(
    generator: Generator, rounded: Sequence[np.ndarray], exact: Sequence[np.ndarray]
) -> Generator:
    """A copy whose last bias takes out what rounded weights add to whole colours."""
    added = mean_error(rounded, exact)
    # How far the mean moves with the bias, which stands in front of tanh.
    slope = np.mean([1 - np.square(sr) for sr in exact], axis=(0, 1, 2))
    copy = interpolate([generator], [1.0])
    copy.tail.bias.assign_sub(added / slope)
    return copy


def _ranges(quantizer, model: bytearray, crops: Sequence[np.ndarray]) -> dict:
    """What each tensor holds at least and at most, over all crops.

    One by one, as the quantiser itself would take moving averages and so clip white
    (0.8 dB of PSNR).
    """
    ranges: dict[str, dict] = {}
    for crop in crops:
        one = quantizer.Quantizer(model)
        one.add_static_config(".*", "CONV_2D", 8, 8)
        seen = one.calibrate({"serving_default": [{"images": crop[None]}]})
        for name, values in seen.items():
            known = ranges.setdefault(name, values)
            known["min"] = np.minimum(known["min"], values["min"])
            known["max"] = np.maximum(known["max"], values["max"])
    return ranges


def _convert(
    generator: Generator,
    window: tuple[int, int] | None,
    convolve: Convolve = in_float32,
    *,
    half: bool = False,
    eight_bits: bool = False,
) -> bytes:
    serve = served(network(generator, convolve))
    return tflite(
        lambda images: {"sr": serve(images)},
        images_spec(window),
        half=half,
        eight_bits=eight_bits,
    )


def _self_contained(content: bytearray) -> bytes:
    """A model whose weights are inside the FlatBuffer.

    The quantiser writes them behind it, as models above 2 GB have them, where OpenVINO
    and others do not look.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for buffer in model.buffers:
        if buffer.data is not None:
            # Else it would be written byte by byte.
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return flatbuffer_utils.convert_object_to_bytearray(model)


def _limited(ranges: Ranges) -> Convolve:
    """Convolutions in float32 that get no more than photos show."""

    def convolve(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
        limit = ranges[name].limit
        if np.isfinite(limit):
            x = tf.clip_by_value(x, -limit, limit)
        return in_float32(x, weights, name)

    return convolve


@contextlib.contextmanager
def _quiet_tools():
    """Keeps the quantiser's bars, sums and warnings off the screen."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(io.StringIO()):
            yield
