"""What a picture's numbers mean as colours: profiles made, and pixels brought to sRGB.

PNG says it in numbers of its own (W3C, PNG 3rd edition, section 11.3.2): white and
primaries with an exponent, or code points of ITU-T H.273, which AVIF and HEIF use too.
"""

import struct
from collections.abc import Callable, Mapping

import imagecodecs
import numpy as np

# x and y of white, red, green, blue.
_WHITE = (0.3127, 0.3290)
_SRGB = (*_WHITE, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB = (*_WHITE, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 563 / 256
_PRIMARIES = {  # by their number in H.273, tables 2 to 4
    1: _SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_WHITE, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_WHITE, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_WHITE, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_WHITE, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_WHITE, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
_PQ, _HLG = 16, 18
_SRGB_CURVE = 13
_REFERENCE_WHITE = 203.0  # cd/m^2, ITU-R BT.2408
_ROWS = 256  # so many are converted at a time


def _srgb_to_linear(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def _srgb_from_linear(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def _bt709_to_linear(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0.0812, x / 4.5, ((x + 0.0993) / 1.0993) ** (1 / 0.45))


def _pq_to_light(x: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, in units of the reference white."""
    root = x ** (32 / 2523)
    light = np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
    return light ** (8192 / 1305) * (10_000 / _REFERENCE_WHITE)


def _hlg_to_light(x: np.ndarray) -> np.ndarray:
    """ARIB STD-B67 on a display of 1000 cd/m^2, in units of the reference white."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(x <= 0.5, x**2 / 3, (np.exp((x - c) / a) + b) / 12)
    if scene.shape[-1] == 3:
        luma = scene @ np.array([0.2627, 0.6780, 0.0593], scene.dtype)
        gain = luma[..., None] ** 0.2
    else:
        gain = scene**0.2
    return scene * gain * (1000 / _REFERENCE_WHITE)


# By their number in H.273, table 3.
_CURVES: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    **dict.fromkeys((1, 6, 14, 15), _bt709_to_linear),
    4: lambda x: x**2.2,
    5: lambda x: x**2.8,
    8: lambda x: x,
    _SRGB_CURVE: _srgb_to_linear,
}


def make_profile(
    channels: int, primaries: tuple[float, ...], curve: float | np.ndarray
) -> bytes:
    """An ICC profile.

    Args:
        channels: Of the picture; up to two are gray and alpha.
        primaries: x and y of white, red, green and blue.
        curve: The exponent, or the light of evenly spaced values, as float32.

    Raises:
        ValueError: If there is none.
    """
    white, *colours = (
        [*primaries[i : i + 2], 1.0] for i in range(0, len(primaries), 2)
    )
    rgb = channels > 2
    try:
        profile = bytearray(
            imagecodecs.cms_profile(
                "rgb" if rgb else "gray",
                whitepoint=white,
                primaries=[x for colour in colours for x in colour] if rgb else None,
                gamma=curve if isinstance(curve, float) else None,
                transferfunction=curve if isinstance(curve, np.ndarray) else None,
            )
        )
    except RuntimeError as error:
        raise ValueError(f"primaries that make no colours: {error}") from None
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # made now, it says else
    return bytes(profile)


def is_hdr(colour: Mapping[bytes, bytes]) -> bool:
    """Whether PNG's colour chunks, by their names, reach beyond the white of paper."""
    return colour.get(b"cICP", bytes(4))[1] in (_PQ, _HLG)


def profile_of(colour: Mapping[bytes, bytes], channels: int) -> bytes | None:
    """The ICC profile that PNG's colour chunks amount to; None for sRGB.

    Raises:
        ValueError: If they make no sense.
    """
    if code_points := colour.get(b"cICP"):
        number, curve = code_points[:2]
        if number in (1, 2) and curve in (2, _SRGB_CURVE):
            return None
        try:
            white_and_primaries = _SRGB if number == 2 else _PRIMARIES[number]
            to_linear = _CURVES[_SRGB_CURVE if curve == 2 else curve]
        except KeyError as error:
            raise ValueError(f"unknown code point {error}") from None
        light = to_linear(np.linspace(0, 1, 1024)).astype(np.float32)
        return make_profile(channels, white_and_primaries, light)
    if b"sRGB" in colour or not colour.keys() & {b"gAMA", b"cHRM"}:
        return None
    (gamma,) = struct.unpack(">L", colour.get(b"gAMA", struct.pack(">L", 45_455)))
    if not gamma:
        raise ValueError("a gamma of 0")
    primaries: tuple[float, ...] = _SRGB
    if b"cHRM" in colour:
        primaries = tuple(x / 1e5 for x in struct.unpack(">8L", colour[b"cHRM"]))
    usual_primaries = channels < 3 or np.allclose(primaries, _SRGB, atol=2e-3)
    if usual_primaries and abs(gamma - 45_455) < 500:
        return None
    return make_profile(channels, primaries, 1e5 / gamma)


def to_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """The same colours as sRGB numbers.

    Args:
        pixels: uint8 or uint16 `[H, W, C]`, with or without alpha. Gray stays gray.
        icc: Their profile, of RGB or gray. One of the other kind is taken to mean
            equal channels.

    Raises:
        ValueError: If it cannot be applied.
    """
    kind = {b"RGB ": "rgb", b"GRAY": "gray"}.get(icc[16:20])
    if kind is None:
        raise ValueError("it is for other kinds of pictures")
    srgb = imagecodecs.cms_profile("srgb")

    def transformed(colours: np.ndarray, flags: int | None = None) -> np.ndarray:
        try:
            return imagecodecs.cms_transform(
                colours,
                icc,
                srgb,
                colorspace=kind,
                outcolorspace="rgb",
                flags=flags,
            )
        except RuntimeError as error:
            raise ValueError(f"it is damaged: {error}") from None

    if kind == "rgb" and pixels.shape[-1] > 2:
        steps = np.linspace(0, 255, 9).astype(np.uint8)
        some = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        if np.abs(transformed(some).astype(int) - some).max() <= 1:
            return pixels  # it is sRGB's own
        return _by_rows(pixels, lambda rgb: transformed(np.ascontiguousarray(rgb)))
    # Of gray, all there can be: the library's short cuts are coarse in the darkest.
    ramp = np.linspace(0, 65_535, np.iinfo(pixels.dtype).max + 1).astype(np.uint16)
    ramp = ramp if kind == "gray" else np.repeat(ramp[None, :, None], 3, axis=-1)
    exact = imagecodecs.CMS.FLAGS.NOOPTIMIZE
    table = transformed(np.atleast_2d(ramp), exact)[0, :, 1] / 65_535
    table = np.round(table * np.iinfo(pixels.dtype).max)
    return _by_rows(pixels, lambda gray: table[gray])


def sdr_of(pixels: np.ndarray, colour: Mapping[bytes, bytes]) -> np.ndarray:
    """sRGB numbers for a picture that `is_hdr`, as browsers show it on usual screens.

    White is 203 cd/m^2; what is brighter is pressed below the screen's brightest by
    Reinhard's curve, applied to the largest channel so that hues stay.

    Args:
        pixels: uint8 or uint16 `[H, W, C]`.
        colour: PNG's colour chunks by their names.
    """
    primaries, curve = colour[b"cICP"][:2]
    to_light = _pq_to_light if curve == _PQ else _hlg_to_light
    top = np.iinfo(pixels.dtype).max
    channels = pixels.shape[-1] - (pixels.shape[-1] in (2, 4))
    peak = np.full(3, pixels[..., :channels].max() / top)
    brightest = max(1.0, float(to_light(peak).max()))
    gamut = _between(_PRIMARIES.get(primaries, _SRGB), _SRGB)

    def convert(colours):
        light = to_light(colours.astype(np.float32) / top)
        largest = light.max(axis=-1, keepdims=True)
        light *= (1 + largest / brightest**2) / (1 + largest)
        if light.shape[-1] == 3:
            light = light @ gamut.T.astype(np.float32)
        return np.round(_srgb_from_linear(np.clip(light, 0, 1)) * top)

    return _by_rows(pixels, convert)


def full_range(pixels: np.ndarray) -> np.ndarray:
    """Numbers that fill their range, of those that leave room at its ends, as video."""
    top = np.iinfo(pixels.dtype).max

    def convert(colours):
        video = colours.astype(np.float32) * (255 / top)
        return np.round(np.clip((video - 16) / 219, 0, 1) * top)

    return _by_rows(pixels, convert)


def _by_rows(pixels: np.ndarray, convert: Callable) -> np.ndarray:
    """Converts the colours some rows at a time; alpha stays."""
    out = pixels.copy()
    channels = pixels.shape[-1] - (pixels.shape[-1] in (2, 4))
    for start in range(0, len(pixels), _ROWS):
        rows = slice(start, start + _ROWS)
        out[rows, :, :channels] = convert(pixels[rows, :, :channels])
    return out


def _between(source: tuple[float, ...], target: tuple[float, ...]) -> np.ndarray:
    """The matrix from linear RGB of some primaries to that of others."""

    def to_xyz(primaries):
        columns = [
            (x / y, 1.0, (1 - x - y) / y)
            for x, y in zip(primaries[::2], primaries[1::2])
        ]
        white, colours = columns[0], np.array(columns[1:]).T
        return colours * np.linalg.solve(colours, white)

    return np.linalg.solve(to_xyz(target), to_xyz(source))
