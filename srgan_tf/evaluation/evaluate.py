"""The paper's measurements (section 3.1) of models on benchmark folders.

PSNR and SSIM on luma of 8-bit pictures without a border of `scale` pixels; the mean of
a benchmark is the mean over its pictures.

    python -m srgan_tf.main evaluate --model=bicubic,runs/x4 --benchmarks=Set5,Set14
"""

import itertools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from srgan_tf.data.degradations import degrade_photo
from srgan_tf.data.pair_folders import Pair, find_pairs
from srgan_tf.errors import UserError
from srgan_tf.evaluation.benchmark_sets import read_pair
from srgan_tf.evaluation.tables import (
    as_json,
    as_markdown,
    kinds_tables,
    means_table,
    pictures_tables,
    published,
)
from srgan_tf.files import whole_file
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.upscale import upscale_pixels
from srgan_tf.models import VGGFeatures
from srgan_tf.models.vgg import imagenet_is_at_hand
from srgan_tf.options import EvaluateOptions
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.metrics import psnr, rgb_to_y, shave, ssim, ssim_daala
from srgan_tf.pictures.ranges import hr_from_255

log = logging.getLogger(__name__)

Enlarge = Callable[[np.ndarray], np.ndarray]
FeatureMaps = Callable[[np.ndarray], list[np.ndarray]]
PICTURE = tf.TensorSpec((1, None, None, 3), tf.float32)
VGG_MAPS = {"phi22": "2,2", "phi34": "3,4"}


def evaluate(options: EvaluateOptions) -> dict:
    """Measures every model on every benchmark; prints tables, means last.

    Args:
        options: Models (whatever `load_model` takes, or `bicubic`: upscaling by
            MATLAB's), benchmark folders (see `find_pairs`) and what to do with them.
            SR pictures are saved as `FOLDER/BENCHMARK/MODEL/NAME.png`; degraded LR
            beside them as `FOLDER/BENCHMARK_KIND/LR/NAME.png`.

    Returns:
        What a `.json` report holds: for each benchmark and model the measures of each
        picture and their means, and the means that others published.

    Raises:
        UserError: If models, pictures and scale do not fit together; found before
            anything is measured.
    """
    scale = options.scale
    _prepare_outputs(options.report, options.save_images)
    sets = {
        name: find_pairs(path) for name, path in _labels(options.benchmarks).items()
    }
    if options.degradation:  # whatever LR there is, even of another scale
        sets = {k: [x._replace(lr=None) for x in pairs] for k, pairs in sets.items()}
    for pairs in sets.values():
        for pair in pairs:
            read_pair(pair, scale)  # finds broken files before the long work
    models = {
        name: _enlarge(source, options)
        for name, source in _labels(options.model).items()
    }
    vgg = _vgg_features(options.vgg_weights)
    benchmarks: dict[str, dict] = {}
    result = {
        "scale": scale,
        "self_ensemble": options.self_ensemble,
        "fast": options.fast,
        "benchmarks": benchmarks,
    }
    kinds = options.degradation or (None,)
    total = len(models) * len(kinds) * sum(map(len, sets.values()))
    with tqdm(total=total, unit="picture", disable=None) as bar:
        for name, pairs in sets.items():
            bar.set_description(name)
            found = _measure(name, pairs, models, options, vgg=vgg, bar=bar)
            others = published(name, scale)
            for kind, measured in found.items():
                made = f"made from HR: {kind or 'bicubic'}"
                benchmarks[f"{name}, {kind}" if kind else name] = {
                    "lr": "given" if pairs[0].lr else made,
                    "published": others if kind in (None, "bicubic") else {},
                    "models": measured,
                }
    for path in options.report:
        text = (as_markdown if path.endswith(".md") else as_json)(result)
        with whole_file(path) as partial:
            partial.write_text(text)
    print(pictures_tables(result), means_table(result), sep="\n")
    if len(kinds) > 1:
        print(kinds_tables(result))
    return result


def _labels(sources: Sequence[str]) -> dict[str, str]:
    """Short names for paths: the last part, or the whole where that is taken twice."""
    sources = list(dict.fromkeys(map(os.path.normpath, sources)))
    last = [os.path.basename(source) for source in sources]
    whole = [source.strip(os.sep).replace(os.sep, "_") for source in sources]
    names = (x if last.count(x) == 1 else y for x, y in zip(last, whole))
    return dict(zip(names, sources))


def _enlarge(source: str, options: EvaluateOptions) -> Enlarge:
    """uint8 LR `[h, w, C]` to uint8 SR, where C is 3 or, for luma alone, 1."""
    scale = options.scale
    if source == "bicubic":
        return lambda lr: np.asarray(imresize(lr, scale)).astype(np.uint8)
    model = load_model(
        source,
        precision=options.precision,
        fast=options.fast,
        self_ensemble=options.self_ensemble,
        tile=options.tile,
    )
    if model.scale != scale:
        raise UserError(
            f"--model={source} upscales {model.scale} times, the benchmark is for "
            f"{scale}: choose another model or --scale={model.scale}."
        )
    return lambda lr: upscale_pixels(model, lr, network_only=True)


def _vgg_features(weights: str) -> FeatureMaps:
    """uint8 `[H, W, C]` to the maps of `VGG_MAPS`, or to none without weights."""
    if not weights:
        return lambda picture: []
    if weights == "auto" and not imagenet_is_at_hand():
        log.warning(
            "No perceptual distances: the VGG19 weights are not here and cannot be "
            "downloaded. With a file: --vgg_weights=FILE.h5."
        )
        return lambda picture: []
    features = VGGFeatures(
        list(VGG_MAPS.values()), "imagenet" if weights == "auto" else weights
    )
    run = tf.function(features, input_signature=[PICTURE])

    def feature_maps(picture):
        rgb = np.broadcast_to(picture, (*picture.shape[:2], 3)).astype(np.float32)
        return [feature.numpy() for feature in run(hr_from_255(rgb)[None])]

    return feature_maps


def _measure(
    benchmark: str,
    pairs: Sequence[Pair],
    models: Mapping[str, Enlarge],
    options: EvaluateOptions,
    *,
    vgg: FeatureMaps,
    bar: tqdm,
) -> dict[str | None, dict]:
    """By degradation and model: measures of each picture without its border, means.

    The degradation None leaves LR as it is given or made by `read_pair`.
    """
    kinds: tuple[str | None, ...] = options.degradation or (None,)
    rows: dict = {kind: {model: {} for model in models} for kind in kinds}
    for index, pair in enumerate(pairs):
        whole, given = read_pair(pair, options.scale)
        hr = shave(whole, options.scale)
        hr_luma, hr_maps = _luma(hr), vgg(hr)
        for kind, (model, enlarge) in itertools.product(kinds, models.items()):
            lr = _degraded(whole, kind, options, index) if kind else given
            sr = enlarge(lr)
            if options.save_images:
                title = f"{benchmark}_{kind}" if kind else benchmark
                folder = Path(options.save_images, title)
                _save_picture(folder / model / f"{pair.name}.png", sr)
                if kind:
                    _save_picture(folder / "LR" / f"{pair.name}.png", lr)
            sr = shave(sr, options.scale)
            sr_luma = _luma(sr)
            measures = {
                "psnr": float(psnr(hr_luma, sr_luma)),
                "ssim": float(ssim(hr_luma, sr_luma)),
                "ssim_paper": float(ssim_daala(hr_luma, sr_luma)),
            }
            for name, hr_map, sr_map in zip(VGG_MAPS, hr_maps, vgg(sr)):
                measures[name] = float(np.mean(np.square(hr_map - sr_map)))
            rows[kind][model][pair.name] = measures
            bar.update()
    return {
        kind: {
            model: {"mean": _mean(list(pictures.values())), "pictures": pictures}
            for model, pictures in found.items()
        }
        for kind, found in rows.items()
    }


def _degraded(
    hr: np.ndarray, kind: str, options: EvaluateOptions, index: int
) -> np.ndarray:
    """LR of one picture; a picture of one channel stays one."""
    seed = options.degradation_seed
    rgb = np.broadcast_to(hr, (*hr.shape[:2], 3))
    lr = degrade_photo(rgb, kind, scale=options.scale, seed=seed, index=index)
    if hr.shape[-1] == 1:
        lr = np.rint(lr.mean(axis=-1, keepdims=True)).astype(np.uint8)
    return lr


def _luma(picture: np.ndarray) -> np.ndarray:
    picture = picture.astype(np.float64)
    return rgb_to_y(picture) if picture.shape[-1] == 3 else picture


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _prepare_outputs(report: Sequence[str], save_images: str | None) -> None:
    """Makes the folders of the results, before the work that they are for."""
    folders = [Path(path).parent for path in report]
    if save_images:
        folders.append(Path(save_images))
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"The folder {folder} cannot be made: {error}") from None


def _save_picture(path: Path, picture: np.ndarray) -> None:
    squeezed = picture[..., 0] if picture.shape[-1] == 1 else picture
    with whole_file(path) as partial:
        Image.fromarray(squeezed).save(partial, "png")
