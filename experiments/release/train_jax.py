"""Trains SRResNet, then SRGAN, on a machine that has JAX and a GPU but no TensorFlow.

KERAS_BACKEND=jax python experiments/release/train_jax.py --stage=pretrain \
    --photos=DIR --valid=DIR --out=DIR --minutes=9

Made for machines that are to be had in pieces: it stops by itself, leaves its state in
files of 15 MiB, and continues from them when it is started again. See README.md.
"""

import argparse
import csv
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax_steps import Photos, State, Trainer, exact_imresize, lr_is_exact
from state_files import newest, restore, save

from srgan_tf.data.sources import find_photos, read_photo
from srgan_tf.losses import content_loss
from srgan_tf.metrics import psnr, rgb_to_y, shave
from srgan_tf.models import Discriminator, Generator
from srgan_tf.pretrained import load_discriminator_weights, load_generator
from srgan_tf.ranges import hr_from_255, lr_from_255, to_8bit

RESULTS = {"pretrain": "srresnet.weights.h5", "gan": "srgan.weights.h5"}


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--stage", choices=RESULTS, required=True)
    add("--photos", required=True, help="Folder of training photos.")
    add("--valid", required=True, help="Folder of validation photos, best of one size.")
    add("--out", type=Path, required=True, help="Result, metrics and state to carry.")
    add("--resume", type=Path, help="Folder with the state to go on from [--out].")
    add("--local", type=Path, help="Folder that stays here, for the whole state.")
    add("--minutes", type=float, default=9.0, help="Time of this piece.")
    add("--pieces", type=int, default=1, help="Pieces of the stage, if --steps=0.")
    add("--steps", type=int, default=0, help="0: what the time allows.")
    add("--steps_per_call", type=int, default=100, help="Steps in one dispatch.")
    add("--save_minutes", type=float, default=3.0, help="Between checkpoints.")
    add("--valid_every", type=int, default=2000, help="Steps between validations.")
    add("--init", help="Generator to start from: .weights.h5 or .h5 of krasserm's.")
    add("--init_discriminator", help="Discriminator to start from: .h5.")
    add("--scale", type=int, default=4)
    add("--num_blocks", type=int, default=16)
    add("--filters", type=int, default=64)
    add("--dense_units", type=int, default=1024, help="Of the discriminator.")
    add("--crop_size", type=int, default=96)
    add("--batch_size", type=int, default=16)
    add("--learning_rate", type=float, default=1e-4)
    add("--learning_rate_floor", type=float, default=1e-6)
    add(
        "--mae_from", type=float, default=1.0, help="Fraction of MSE steps in pretrain."
    )
    add("--content_loss", default="vgg22,vgg34", help="Of stage gan.")
    add("--vgg_weights", help="Keras VGG19 .h5 file.")
    add("--adversarial_weight", type=float, default=1e-3)
    add("--ema_decay", type=float, default=0.999)
    add("--seed", type=int, default=0)
    add("--precision", default="mixed_bfloat16", help="Or float32.")
    return parser.parse_args()


def make_trainer(args: argparse.Namespace) -> Trainer:
    """Builds the networks and losses of a stage."""
    keras.config.set_dtype_policy(args.precision)
    keras.utils.set_random_seed(args.seed + (args.stage == "gan"))
    generator = (
        load_generator(args.init)
        if args.init
        else Generator(args.scale, args.num_blocks, args.filters)
    )
    if args.stage == "pretrain":
        losses = {"content_loss": content_loss("mse"), "late_from": args.mae_from}
        if args.mae_from < 1:
            losses["late_loss"] = content_loss("mae")
    else:
        network = Discriminator(args.crop_size, args.filters, args.dense_units)
        if args.init_discriminator:
            load_discriminator_weights(network, args.init_discriminator)
        losses = {
            "content_loss": content_loss(args.content_loss, args.vgg_weights),
            "discriminator": network,
            "adversarial_weight": args.adversarial_weight,
        }
    return Trainer(
        generator,
        **losses,
        crop_size=args.crop_size,
        batch_size=args.batch_size,
        peak_rate=args.learning_rate,
        floor_rate=args.learning_rate_floor,
        ema_decay=args.ema_decay,
        seed=2 * args.seed + (args.stage == "gan"),
    )


def averaged_variables(generator: keras.Model) -> list:
    """The variables of which the state's `average` has the means, in its order."""
    return [*generator.trainable_variables, *generator.non_trainable_variables]


def make_validation(trainer: Trainer, photos: list[np.ndarray]):
    """A function of the state: mean PSNR-Y and content loss of the averaged weights."""
    generator, scale = trainer.generator, trainer.generator.scale
    number = len(generator.trainable_variables)

    @jax.jit
    def measure(average, photo):
        lr = lr_from_255(exact_imresize(photo, 1 / scale))
        hr = hr_from_255(photo.astype(jnp.float32))
        sr, _ = generator.stateless_call(average[:number], average[number:], lr)
        luma = [shave(rgb_to_y(to_8bit(images)), scale) for images in (hr, sr)]
        return jnp.mean(psnr(*luma)), trainer.content_loss(hr, sr)

    whole = [
        p[: len(p) // scale * scale, : p.shape[1] // scale * scale] for p in photos
    ]

    def validate(state: State) -> dict[str, float]:
        values = [measure(state["average"], photo[None]) for photo in whole]
        means = np.mean(np.array(values, np.float64), axis=0)
        return dict(zip(("val_psnr", "val_content_loss"), map(float, means)))

    return validate


class Metrics:
    """`metrics_STAGE.csv`, without the rows after the step that is continued from."""

    def __init__(self, args: argparse.Namespace, step: int):
        name = f"metrics_{args.stage}.csv"
        self.path, self.rows = args.out / name, []
        if step and (args.resume / name).is_file():
            with open(args.resume / name, newline="") as file:
                rows = list(csv.DictReader(file))
            self.rows = [row for row in rows if int(row["step"]) <= step]

    def add(self, row: dict) -> None:
        """Adds and prints a row."""
        row = {k: v if k == "step" else f"{float(v):.6g}" for k, v in row.items()}
        self.rows.append(row)
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows(self.rows)
        print(" ".join(f"{k}={v}" for k, v in row.items()), flush=True)


def train(args: argparse.Namespace) -> None:
    """Trains one piece of a stage."""
    start = time.monotonic()
    args.resume = args.resume or args.out
    args.out.mkdir(parents=True, exist_ok=True)
    result = RESULTS[args.stage]
    trainer = make_trainer(args)
    state = trainer.first_state()
    steps = args.steps
    folders = [folder for folder in (args.resume, args.local) if folder]
    step, parts = max(newest(folder, args.stage) for folder in folders)
    if step:
        planned, state = restore(parts, state)
        steps = steps or planned
        averaged = load_generator(parts[0].parent / result)
        state["average"] = [jnp.array(v.value) for v in averaged_variables(averaged)]
        print(f"Continuing at step {step} of {steps}.", flush=True)
    averaged = Generator(**{k: trainer.generator.get_config()[k] for k in SIZE})
    metrics = Metrics(args, step)

    paths = find_photos(str(args.photos))
    every = [p for p in map(read_photo, paths) if min(p.shape[:2]) >= args.crop_size]
    photos = Photos.put(every)
    valid = [read_photo(path) for path in find_photos(str(args.valid))]
    if not lr_is_exact(valid[0][None], trainer.generator.scale):
        raise SystemExit("This device does not make the LR pictures exactly.")
    validate = make_validation(trainer, valid)
    # Also compiles it, so that the last validation takes no time to speak of.
    before = {k: round(v, 3) for k, v in validate(state).items()}
    print(
        f"{len(every)} photos on {jax.devices()[0].device_kind}; {before}", flush=True
    )

    def checkpoint():
        for variable, value in zip(averaged_variables(averaged), state["average"]):
            variable.assign(value)
        for folder, compact in ((args.out, args.stage == "gan"), (args.local, False)):
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                averaged.save_weights(folder / f"new.{result}")
                (folder / f"new.{result}").replace(folder / result)
                save(folder, args.stage, step, steps, state, compact)

    def elapsed():
        return time.monotonic() - start

    end, saved, timed, reserve = 60 * args.minutes, elapsed(), [], 5.0
    count = args.steps_per_call  # always the same, to compile once
    steps = -(-steps // count) * count
    while (not steps or step < steps) and elapsed() + reserve < end:
        before = elapsed()
        # Until the speed is known, the learning rate is that of the beginning.
        state, logs = trainer.run(state, photos, step, steps or 1e9, count)
        jax.block_until_ready(state)
        step += count
        timed.append((elapsed() - before) / count)
        if not steps and len(timed) == 4:
            start_up = before + 15.0
            speed = 1 / np.median(timed[1:])
            steps = int(0.97 * speed * args.pieces * (end - start_up) / count) * count
            steps = max(steps, step)
            print(f"--steps={steps} at {speed:.1f} steps/s.", flush=True)
        last = (steps and step >= steps) or elapsed() + reserve >= end
        if step % args.valid_every < count or last:
            row = {"step": step, **logs, "steps_per_second": 1 / timed[-1]}
            metrics.add({**row, **validate(state)})
        if elapsed() - saved > 60 * args.save_minutes:
            now = elapsed()
            checkpoint()
            saved = elapsed()
            reserve = 5.0 + 2 * (saved - now)
    checkpoint()
    print(f"Stopped at step {step} of {steps} after {elapsed():.0f} s.", flush=True)


SIZE = "scale", "num_blocks", "filters"

if __name__ == "__main__":
    train(arguments())
