"""What several test modules make their input from."""

import io
import os
import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import imagecodecs
import keras
import numpy as np
import tensorflow as tf
import tifffile
from PIL import ExifTags, Image, ImageCms

from srgan_tf.inference.upscale import upscale_pixels
from srgan_tf.models import Generator
from srgan_tf.pictures.formats import Photo
from srgan_tf.pictures.metadata.exif import Exif

REPOSITORY = Path(__file__).parents[1]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" '
    b'tiff:ImageWidth="9" exif:PixelYDimension="7" dc:creator="A. Nobody"/>'
    b"<tiff:ImageLength>7</tiff:ImageLength></x:xmpmeta>"
)


def start(*words, **options) -> subprocess.Popen:
    """Starts the command line in a process of its own; options are those of Popen."""
    return subprocess.Popen(
        [sys.executable, "-m", "srgan_tf.main", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def values(*shape, dtype=np.uint8, seed=0):
    top = np.iinfo(dtype).max + 1
    return np.random.default_rng(seed).integers(0, top, shape).astype(dtype)


def smooth(height, width, channels=3):
    ramp = np.linspace(0, 255, height * width).reshape(height, width, 1)
    return np.round(np.repeat(ramp, channels, axis=2)).astype(np.uint8)


def full_exif(orientation=1):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.ImageWidth] = 9
    fields = exif.get_ifd(ExifTags.IFD.Exif)
    fields[ExifTags.Base.ExifImageWidth] = 9
    fields[ExifTags.Base.ExifImageHeight] = 7
    fields[ExifTags.Base.ISOSpeedRatings] = 200
    fields[ExifTags.Base.LensModel] = "A lens"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N"
    gps[ExifTags.GPS.GPSLatitude] = (47.0, 30.0, 15.5)
    for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        exif[tag] = exif.get_ifd(tag)
    return exif


def graph_of(pairs: tf.data.Dataset, *, has_state: bool = False) -> bytes:
    """A set as the bytes by which it is sent to another machine."""
    graph = tf.raw_ops.DatasetToGraphV2(
        input_dataset=pairs._variant_tensor,
        external_state_policy=1 if has_state else 2,
        strip_device_assignment=True,
    )
    return graph.numpy()


def smooth_photo(seed: int, height: int = 64, width: int = 80) -> np.ndarray:
    """A photo-like uint8 picture: soft random colours without hard noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def trained_like(scale=4, num_blocks=1, filters=4, seed=0):
    """A generator whose BatchNorm and PReLU have values of their own."""
    keras.utils.set_random_seed(seed)
    generator = Generator(scale=scale, num_blocks=num_blocks, filters=filters)
    rng = np.random.default_rng(seed)
    generator.set_weights(
        [
            rng.uniform(0.2, 1.3, w.shape) if w.ndim in (1, 3) else w
            for w in generator.get_weights()
        ]
    )
    return generator


def lr_noise(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


def keras_8bit(generator, pictures):
    """What the plain Keras call makes of uint8 `[..., H, W, 3]`, rounded to 8 bits."""
    lr = np.asarray(pictures, np.float32) / 255
    sr = np.asarray(generator(lr.reshape(-1, *lr.shape[-3:])))
    levels = np.clip(np.round((sr + 1) * 127.5), 0, 255)
    return levels.reshape(*lr.shape[:-3], *sr.shape[1:])


def by_network(picture, model):
    """What the network alone makes of a picture: zeros around it, flat areas as is."""
    return upscale_pixels(model, picture, network_only=True)


def levels_apart(ours, theirs):
    return np.abs(np.asarray(ours).astype(int) - theirs)


def in_tiles(model, lr):
    """SR of float LR, put together from the model's tiles, none of which overlap."""
    s = model.scale
    sr = np.full((s * lr.shape[0], s * lr.shape[1], 3), np.nan, np.float32)
    for rows, columns, part in model.tiles(*lr.shape[:2], lambda y, x: lr[y, x]):
        assert np.isnan(sr[rows, columns]).all(), "tiles overlap"
        sr[rows, columns] = part
    return sr


def save_picture(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels).astype(np.uint8)).save(path, **options)


def files_in(folder):
    """The files below a folder, as sorted paths seen from there."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in files)


def png_with_size(width, height):
    def chunk(name, data):
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    )


def broken_files(rng, count):
    """Truncated, flipped, mislabelled, empty and lying files, as (name, bytes)."""
    whole = {}
    for suffix in ("png", "jpg", "webp", "tif", "bmp"):
        file = io.BytesIO()
        exif = {"exif": full_exif(6)} if suffix not in ("bmp", "tif") else {}
        Image.fromarray(smooth(24, 31)).save(
            file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix), **exif
        )
        whole[suffix] = file.getvalue()
    deep = values(12, 14, 3, dtype=np.uint16)
    whole["16.png"] = imagecodecs.png_encode(deep)
    file = io.BytesIO()
    tifffile.imwrite(file, deep, photometric="rgb", compression="zlib")
    whole["16.tif"] = file.getvalue()
    yield "empty.png", b""
    yield "text.jpg", b"no picture at all\n"
    yield "zero.png", png_with_size(0, 5)
    yield "bomb.png", png_with_size(60_000, 60_000)
    yield "gif.png", b"GIF89a" + bytes(40)
    yield "eps.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    suffixes = list(whole)
    for i in range(count - 6):
        suffix = suffixes[i % len(suffixes)]
        data = bytearray(whole[suffix])
        kind = rng.choice(["cut", "flip", "label"])
        if kind == "cut":
            del data[rng.randrange(1, len(data)) :]
        elif kind == "flip":
            for _ in range(rng.randrange(1, 12)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        else:
            suffix = rng.choice(suffixes)
        yield f"{i}.{kind}.{suffix}", bytes(data)


def exif_fields(exif: Image.Exif) -> Exif:
    """Pillow's EXIF as this package keeps it."""
    return Exif.read(io.BytesIO(exif.tobytes()[6:]))


def exif_of(photo: Photo) -> Image.Exif:
    """A photo's EXIF as Pillow reads it."""
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + photo.metadata.exif.tobytes())
    return exif


def moving(count, height=24, width=32, seed=0):
    """Frames of a soft picture with a bright square that moves: uint8 RGB."""
    still = smooth_photo(seed, height, width)
    for number in range(count):
        frame = still.copy()
        left = 2 + number % (width - 8)
        frame[4:10, left : left + 6] = (240, 200, 40)
        yield frame


def save_clip(
    path,
    frames=None,
    *,
    codec="libx264",
    stored="yuv420p",
    times=None,
    unit=Fraction(1, 12800),
    sound=0,
    subtitles="",
    set_up=lambda out, stream: None,
):
    """Writes frames as a video, with silence and subtitles if wanted."""
    frames = list(moving(10) if frames is None else frames)
    times = [512 * x for x in range(len(frames))] if times is None else times
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2] if frames else (24, 32)
        stream.pix_fmt = stored
        stream.time_base = stream.codec_context.time_base = unit
        set_up(out, stream)
        tracks = [out.add_stream("aac", rate=44100) for _ in range(sound)]
        for track, language in zip(tracks, ("eng", "deu")):
            track.metadata["language"] = language
        if subtitles:
            texts = out.add_mux_stream(subtitles)
            texts.time_base = Fraction(1, 1000)
        for time, pixels in zip(times, frames):
            deep = pixels.dtype == np.uint16
            rgb = av.VideoFrame.from_ndarray(pixels, "rgb48le" if deep else "rgb24")
            frame = rgb.reformat(format=stored)
            frame.pts, frame.time_base = time, unit
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for track in tracks:
            for number in range(9):
                quiet = np.zeros((2, 1024), np.float32)
                audio = av.AudioFrame.from_ndarray(quiet, "fltp", "stereo")
                audio.sample_rate, audio.pts = 44100, 1024 * number
                out.mux(track.encode(audio))
            out.mux(track.encode(None))
        if subtitles:
            text = b"\0\5Hello" if subtitles == "mov_text" else b"Hello"
            packet = av.Packet(text)
            packet.pts = packet.dts = 100
            packet.duration, packet.time_base = 200, Fraction(1, 1000)
            packet.stream = texts
            out.mux(packet)


def frames_of(path):
    """A video's frames as FFmpeg makes them RGB, and their times in seconds."""
    with av.open(str(path)) as clip:
        frames = list(clip.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], [
        frame.pts * frame.time_base for frame in frames
    ]
