"""Teaches SRResNet the mean of several networks, on CPUs that multiply bfloat16.

    pip install torch  # its CPU build: --index-url https://download.pytorch.org/whl/cpu
    python experiments/release/learn_teachers.py --photos=DIR --valid=DIR --out=DIR \\
        --span spanx4_ch48.param spanx4_ch52.param

As `learn_ensemble.py`, but the mean is also over networks, the teachers (Hinton et al.
2015, arXiv 1503.02531), and a step takes a third of the time: it is PyTorch's. Half of
the target is the model's own; `--span` names the others, see `span.py`. Without it the
model learns from itself alone.

`--out` receives the teachers' pictures (`targets/`, made once: other teachers need
another --out), and at every validation `metrics.csv`, `srresnet.weights.h5` (the
running average of the weights) and `state.pt`, from which the same command goes on.
"""

import argparse
import csv
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from span import Span
from teaching import BORDER, SCALE, batch, common_arguments, lr_and_hr, with_targets
from torch_generator import TorchGenerator

from srgan_tf.data.sources import Photos, find_photos
from srgan_tf.metrics import psnr, rgb_to_y, shave
from srgan_tf.pretrained import load_generator
from srgan_tf.tiling import Upscaler
from srgan_tf.upscaling import upscale

WARM_UP = 200
LOSSES = {"mae": torch.abs, "mse": torch.square}


class Mean(Upscaler):
    """The weighted mean of networks from LR `[1, 3, H, W]` in [0, 1] to SR in [-1, 1].

    Args:
        networks: And the share of each.
    """

    scale, radius = SCALE, 0

    def __init__(self, *networks):
        self.networks = networks

    def default_tile(self):
        return 2**16  # photos of training are seen whole

    @torch.no_grad()
    def __call__(self, lr, box=None):
        lr = torch.from_numpy(lr).permute(2, 0, 1)[None]
        sr = sum(share * network(lr) for network, share in self.networks)
        return sr[0].permute(1, 2, 0).numpy()


def learning_rate(args: argparse.Namespace, step: int) -> float:
    """A rise, then half a cosine."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / args.steps))
    rate = args.floor + (args.learning_rate - args.floor) * cosine
    return rate * min(1.0, (step + 1) / WARM_UP)


class Training:
    """Weights, their running average, Adam's state and the step; kept in `state.pt`."""

    def __init__(self, generator, args: argparse.Namespace):
        self.args, self.out, self.generator = args, Path(args.out), generator
        self.network = TorchGenerator(generator)
        self.parameters = [parameter for _, parameter in self.network.source]
        self.averages = [p.detach().clone() for p in self.parameters]
        self.adam = torch.optim.Adam(self.parameters, fused=True)
        self.step = 0
        if (self.out / "state.pt").exists():
            state = torch.load(self.out / "state.pt")
            self.network.load_state_dict(state["network"])
            self.adam.load_state_dict(state["adam"])
            self.averages, self.step = state["averages"], state["step"]

    def learn(self, lr: np.ndarray, target: np.ndarray) -> float:
        """One step on a batch; returns its loss."""
        lr, target = (torch.from_numpy(x).permute(0, 3, 1, 2) for x in (lr, target))
        for group in self.adam.param_groups:
            group["lr"] = learning_rate(self.args, self.step)
        inside = slice(BORDER, -BORDER)
        difference = (self.network(lr) - target)[:, :, inside, inside]
        loss = LOSSES[self.args.loss](difference).mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.step += 1
        # Short at first, so that the start weights are soon forgotten.
        decay = min(self.args.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.parameters, 1 - decay)
        return loss.item()

    def validate(self, pairs: list[tuple]) -> float:
        """Mean PSNR-Y of the average of the weights."""
        self.network.write_back(self.averages)
        averaged = Mean((TorchGenerator(self.generator), 1.0))
        values = []
        for lr, hr in pairs:
            sr = upscale(lr, averaged)
            luma = (shave(rgb_to_y(x.astype(np.float32)), SCALE) for x in (hr, sr))
            values.append(float(psnr(*luma)))
        return float(np.mean(values))

    def save(self) -> None:
        """Writes both files of the present step whole."""
        self.network.write_back(self.averages)
        self.generator.save_weights(self.out / "unfinished.weights.h5")
        os.replace(self.out / "unfinished.weights.h5", self.out / "srresnet.weights.h5")
        state = {
            "network": self.network.state_dict(),
            "adam": self.adam.state_dict(),
            "averages": self.averages,
            "step": self.step,
        }
        torch.save(state, self.out / "unfinished.pt")
        os.replace(self.out / "unfinished.pt", self.out / "state.pt")


def main(args: argparse.Namespace) -> None:
    """Makes the targets, then trains."""
    out = Path(args.out)
    photos = Photos(find_photos(args.photos), args.crop_size)
    valid = Photos(find_photos(args.valid), args.crop_size)
    generator = load_generator(args.model)
    own = 0.5 if args.span else 1.0
    spans = [(Span(path), (1 - own) / len(args.span)) for path in args.span]
    teacher = Mean((TorchGenerator(generator), own), *spans)
    pictures = with_targets(photos, teacher, out / "targets")
    pairs = [lr_and_hr(photo) for photo in valid]

    training = Training(load_generator(args.init or args.model), args)
    metrics = out / "metrics.csv"
    if not training.step:
        metrics.write_text("step,learning_rate,loss,val_psnr\n")
    settings = (args.crop_size, args.batch_size, args.share, args.seed)
    loader, losses, start = ThreadPoolExecutor(1), [], time.monotonic()
    following = loader.submit(batch, pictures, *settings, training.step)
    while training.step < args.steps:
        crops = following.result()
        following = loader.submit(batch, pictures, *settings, training.step + 1)
        losses.append(training.learn(*crops))
        step = training.step
        if step % args.every and step < args.steps:
            continue
        rate, value = learning_rate(args, step), training.validate(pairs)
        row = [step, f"{rate:.3g}", f"{np.mean(losses):.6f}", f"{value:.4f}"]
        training.save()
        with metrics.open("a", newline="") as file:
            csv.writer(file).writerow(row)
        speed = len(losses) / (time.monotonic() - start)
        print(*row, f"{speed:.2f} steps/s", flush=True)
        losses, start = [], time.monotonic()


if __name__ == "__main__":
    arguments = common_arguments(__doc__.splitlines()[0])
    arguments.add_argument("--span", nargs="*", default=[], help="the other teachers")
    arguments.add_argument("--loss", choices=LOSSES, default="mae")
    arguments.add_argument("--learning_rate", type=float, default=1.5e-4)
    arguments.add_argument("--floor", type=float, default=1e-6, help="its end")
    arguments.add_argument("--steps", type=int, default=28000)
    arguments.add_argument("--crop_size", type=int, default=144)
    arguments.add_argument("--batch_size", type=int, default=8)
    arguments.add_argument("--ema_decay", type=float, default=0.999)
    arguments.add_argument("--every", type=int, default=1000, help="steps, validates")
    main(arguments.parse_args())
