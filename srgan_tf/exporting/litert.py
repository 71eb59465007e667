"""LiteRT models: float32, and with less exact numbers.

What makes 8 bits work: the residual blocks answer isolated dots with values fifty
times the usual ones. One scale for a whole feature map then has no steps left for the
rest, so what convolutions get is limited to what photos show (srgan_x4 on Set5's
`head`: 21.0 dB without, 31.1 dB with limits, 31.0 dB in float32).
"""

import contextlib
import io
import itertools
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

from srgan_tf.data.photos import Photos
from srgan_tf.errors import UserError, optional
from srgan_tf.exporting.serving import images_spec, served
from srgan_tf.inference.layers import network, residual_layers
from srgan_tf.inference.rounding import mean_error
from srgan_tf.inference.runtimes import litert_runner, tflite
from srgan_tf.models import Generator
from srgan_tf.models.interpolation import interpolate
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.ranges import hr_from_255, lr_from_255

PHOTOS = 32  # that show the ranges
SIDE = 64  # of their LR crops
MARGIN = 1.5  # above the largest value of a usual photo
# The two convolutions that see the whole picture, where rounding to 8 bits costs most.
FLOAT_LAYERS = ".*(head|enlarge)/.*"


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
    crops = _lr_crops(photos, generator.scale)
    limits = _limits(generator, crops)
    if quantize == "dynamic":
        rounded = litert_runner(_convert(generator, None, limits, dynamic=True))
        centred = _centred(generator, rounded, crops)
        return _convert(centred, window, limits, dynamic=True)
    with _quiet_tools():
        # Seen at any size, applied to the size that is wanted: the names are the same.
        any_size = bytearray(_convert(generator, None, limits))
        ranges = _ranges(quantizer, any_size, crops)
        model = quantizer.Quantizer(bytearray(_convert(generator, window, limits)))
        model.add_static_config(".*", "CONV_2D", 8, 8)
        model.update_quantization_recipe(
            FLOAT_LAYERS, "CONV_2D", algorithm_key="no_quantize"
        )
        return _self_contained(model.quantize(ranges).quantized_model)


def _centred(
    generator: Generator, rounded: Callable, crops: Sequence[np.ndarray]
) -> Generator:
    """A copy whose last bias takes out what rounded weights add to whole colours."""
    layers = network(generator)

    def exact(crop):
        return layers(lr_from_255(np.float32(crop[None]))).numpy()

    added = mean_error(lambda crop: hr_from_255(rounded(crop[None])), exact, crops)
    # How far the mean moves with the bias, which stands in front of tanh.
    slope = np.mean([1 - np.square(exact(crop)) for crop in crops], axis=(0, 1, 2, 3))
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
    limits: Sequence[float] = (),
    half: bool = False,
    dynamic: bool = False,
) -> bytes:
    layers = network(generator, _clipping(limits)) if limits else network(generator)
    serve = served(layers)
    return tflite(
        lambda images: {"sr": serve(images)},
        images_spec(window),
        half=half,
        dynamic=dynamic,
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


def _clipping(limits: Sequence[float]) -> Callable:
    rest = itertools.cycle(limits)  # a function may be traced again

    def bound(x):
        limit = next(rest)
        return tf.clip_by_value(x, -limit, limit)

    return bound


def _limits(generator: Generator, crops: Sequence[np.ndarray]) -> list[float]:
    """The largest magnitude that each bounded convolution should get."""
    peaks = []
    for crop in crops:
        seen: list[float] = []

        def record(x, seen=seen):
            seen.append(float(tf.reduce_max(tf.abs(x))))
            return x

        residual_layers(generator, record)(lr_from_255(np.float32(crop[None])))
        peaks.append(seen)
    # The median: the few photos with isolated dots must not decide.
    return [MARGIN * peak for peak in np.median(peaks, axis=0).tolist()]


def _lr_crops(paths: Sequence[str], scale: int) -> list[np.ndarray]:
    """uint8 LR crops from the middle of photos spread over the list."""
    if not paths:
        raise UserError("8-bit activations need photos that show their ranges.")
    places = np.linspace(0, len(paths) - 1, PHOTOS).round().astype(int)
    chosen = [paths[i] for i in dict.fromkeys(places.tolist())]
    side = scale * SIDE
    crops = []
    for hr in Photos(chosen, min_side=side):
        top, left = (hr.shape[0] - side) // 2, (hr.shape[1] - side) // 2
        lr = imresize(hr[top : top + side, left : left + side], 1 / scale)
        crops.append(np.asarray(lr).astype(np.uint8))
    return crops


@contextlib.contextmanager
def _quiet_tools():
    """Keeps the quantiser's bars, sums and warnings off the screen."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(io.StringIO()):
            yield
