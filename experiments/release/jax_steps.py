"""One training step of each stage as pure functions of arrays, for the JAX backend.

They use the networks and losses of `srgan_tf`, which run on any Keras backend, and do
what `srgan_tf.data.pairs` and `srgan_tf.srgan` do on TensorFlow: the same crops with
their margin, the same LR, the same order of updates.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from srgan_tf.data.imresize import imresize, resize_matrix
from srgan_tf.losses import adversarial_loss, discriminator_loss
from srgan_tf.ranges import hr_from_255, lr_from_255

State = dict[str, list[jax.Array]]


class Photos(NamedTuple):
    """Photos of any size, end to end in the memory of the device.

    `pixels` is uint8 `[sum of H * W, 3]`; the others are int32, one per photo.
    """

    pixels: jax.Array
    offset: jax.Array
    height: jax.Array
    width: jax.Array

    @classmethod
    def put(cls, photos: Sequence[np.ndarray]) -> "Photos":
        """Moves uint8 photos `[H, W, 3]` to the device."""
        sizes = np.array([photo.shape[:2] for photo in photos])
        areas = sizes.prod(axis=1)
        if areas.sum() >= 2**31:
            raise ValueError("The photos have more pixels than 32-bit indices reach.")
        offset = np.concatenate([[0], areas.cumsum()[:-1]])
        arrays = (offset, sizes[:, 0], sizes[:, 1])
        pixels = np.concatenate([photo.reshape(-1, 3) for photo in photos])
        return cls(jnp.asarray(pixels), *(jnp.asarray(a, jnp.int32) for a in arrays))


def draw_crops(photos: Photos, key, count: int, crop_size: int, margin: int):
    """Random HR crops, flipped and rotated, of distinct photos (if there are enough).

    As `srgan_tf.data.pairs.CropSampler`, with other random numbers: each crop has a
    margin on every side, filled from the photo or, beyond it, with its border pixel.

    Returns:
        uint8 `[count, crop_size + 2 * margin, crop_size + 2 * margin, 3]`.
    """
    number = photos.offset.shape[0]
    keys = jax.random.split(key, 4)
    slots = number * -(-count // number)
    chosen = jax.random.permutation(keys[0], slots)[:count] % number
    height, width = photos.height[chosen], photos.width[chosen]
    top = jax.random.randint(keys[1], (count,), 0, height - crop_size + 1)
    left = jax.random.randint(keys[2], (count,), 0, width - crop_size + 1)
    flips = jax.random.bernoulli(keys[3], shape=(3, count, 1))
    span = jnp.arange(-margin, crop_size + margin)
    span = jnp.where(flips[:2], span[::-1], span)
    rows = jnp.clip(top[:, None] + span[0], 0, height[:, None] - 1)
    columns = jnp.clip(left[:, None] + span[1], 0, width[:, None] - 1)
    places = rows[:, :, None] * width[:, None, None] + columns[:, None, :]
    crops = photos.pixels[photos.offset[chosen][:, None, None] + places]
    return jnp.where(flips[2, :, None, None], jnp.swapaxes(crops, 1, 2), crops)


def exact_imresize(images, scale: float):
    """`imresize` without the short mantissa that GPUs use for float32 products."""
    with jax.default_matmul_precision("highest"):
        return imresize(images, scale)


def make_pair(crops, scale: int):
    """`(lr, hr)` from crops with a margin, as `srgan_tf.data.pairs.make_pair`."""
    margin = 2 * scale
    lr = exact_imresize(crops, 1 / scale)[:, 2:-2, 2:-2]
    hr = crops[:, margin:-margin, margin:-margin].astype(jnp.float32)
    return lr_from_255(lr), hr_from_255(hr)


def lr_is_exact(crops: np.ndarray, scale: int) -> bool:
    """Whether this device makes the LR that NumPy makes from crops `[N, H, W, 3]`."""
    expected = crops.astype(np.float32)
    for axis in (1, 2):
        matrix = resize_matrix(crops.shape[axis], 1 / scale)
        product = np.moveaxis(np.tensordot(matrix, expected, (1, axis)), 0, axis)
        expected = np.clip(np.floor(product + 0.5), 0, 255)
    made = jax.jit(exact_imresize, static_argnums=1)(crops, 1 / scale)
    # At factors other than 2 and 4 float32 itself can round a tie either way.
    allowed = 0 if scale in (2, 4) else 1e-4
    return np.mean(np.asarray(made) != expected) <= allowed


@dataclasses.dataclass(eq=False)  # compiled once per instance
class Trainer:
    """The networks, losses and settings of one stage; the state is kept outside.

    Args:
        generator: Trained on `content_loss(hr, sr)`, plus, beside a discriminator,
            `adversarial_weight` times the adversarial loss.
        content_loss: Of the first steps.
        late_loss: Takes over from the fraction `late_from` of all steps.
        discriminator: None in the pixel-loss stage.
        peak_rate: Adam's learning rate at the start; it falls along a half cosine.
        floor_rate: Where it ends.
        ema_decay: Of the running average of the generator's weights and statistics.
        seed: Fixes the sequence of crops.
    """

    generator: keras.Model
    content_loss: Callable
    late_loss: Callable | None = None
    late_from: float = 1.0
    discriminator: keras.Model | None = None
    adversarial_weight: float = 1e-3
    crop_size: int = 96
    batch_size: int = 16
    peak_rate: float = 1e-4
    floor_rate: float = 1e-6
    ema_decay: float = 0.999
    seed: int = 0

    def __post_init__(self):
        self.optimizers = {"g": _adam(self.generator)}
        if self.discriminator:
            self.optimizers["d"] = _adam(self.discriminator)

    def first_state(self) -> State:
        """The state at step 0 of networks as they are."""
        state = {}
        for name, optimizer in self.optimizers.items():
            network = self.generator if name == "g" else self.discriminator
            state[f"{name}_weights"] = network.trainable_variables
            state[f"{name}_stats"] = network.non_trainable_variables
            state[f"{name}_slots"] = optimizer.variables
        state["average"] = [*state["g_weights"], *state["g_stats"]]
        # Copies, because a step gives its input arrays back to the device.
        return {k: [jnp.array(v.value) for v in vs] for k, vs in state.items()}

    def run(self, state: State, photos: Photos, first, steps, count: int):
        """Takes `count` steps in one dispatch.

        Args:
            state: Not usable afterwards.
            first: Number of steps taken before.
            steps: Length of the learning rate's cosine.

        Returns:
            The new state, and the means of the logged values.
        """
        return _run(self, state, photos, jnp.int32(first), jnp.float32(steps), count)

    def step(self, state: State, lr, hr, progress) -> tuple[State, dict]:
        """One update of each network on a batch; `progress` runs from 0 to 1."""
        cosine = 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(progress, 1.0)))
        rate = self.floor_rate + (self.peak_rate - self.floor_rate) * cosine

        def generate(weights):
            return self.generator.stateless_call(
                weights, state["g_stats"], lr, training=True
            )

        # One forward pass serves both updates.
        sr, backward, g_stats = jax.vjp(generate, state["g_weights"], has_aux=True)
        state = {**state, "g_stats": g_stats}
        logs = {}
        if self.discriminator:
            state, logs = self._update_discriminator(state, hr, sr, rate)
        objective = jax.value_and_grad(self._objective, argnums=1, has_aux=True)
        (loss, (d_stats, terms)), sr_gradient = objective(state, sr, hr, progress)
        if self.discriminator:
            state = {**state, "d_stats": d_stats}
        state = self._apply(state, "g", backward(sr_gradient)[0], rate)
        return self._average(state), {"loss": loss, **terms, **logs, "rate": rate}

    def _objective(self, state: State, sr, hr, progress):
        content = self.content_loss(hr, sr)
        if self.late_loss:
            late = self.late_loss(hr, sr)
            content = jnp.where(progress < self.late_from, content, late)
        if not self.discriminator:
            return content, (None, {"content_loss": content})
        logits, d_stats = self._discriminate(state["d_weights"], state["d_stats"], sr)
        adversarial = adversarial_loss(logits)
        terms = {"content_loss": content, "adversarial_loss": adversarial}
        return content + self.adversarial_weight * adversarial, (d_stats, terms)

    def _discriminate(self, weights, stats, images):
        return self.discriminator.stateless_call(weights, stats, images, training=True)

    def _update_discriminator(self, state: State, hr, sr, rate):
        def loss(weights):
            hr_logits, stats = self._discriminate(weights, state["d_stats"], hr)
            sr_logits, stats = self._discriminate(weights, stats, sr)
            value = discriminator_loss(hr_logits, sr_logits)
            means = [jnp.mean(jax.nn.sigmoid(x)) for x in (hr_logits, sr_logits)]
            return value, (stats, dict(zip(("d_hr", "d_sr"), means)))

        (value, (stats, logs)), gradients = jax.value_and_grad(loss, has_aux=True)(
            state["d_weights"]
        )
        state = self._apply({**state, "d_stats": stats}, "d", gradients, rate)
        return state, {"d_loss": value, **logs}

    def _apply(self, state: State, name: str, gradients, rate) -> State:
        iterations, _, *moments = state[f"{name}_slots"]
        weights, slots = self.optimizers[name].stateless_apply(
            [iterations, rate, *moments], gradients, state[f"{name}_weights"]
        )
        return {**state, f"{name}_weights": weights, f"{name}_slots": slots}

    def _average(self, state: State) -> State:
        steps = state["g_slots"][0].astype(jnp.float32)
        # Short at first, so that the random start weights are soon forgotten.
        decay = jnp.minimum(self.ema_decay, (1 + steps) / (10 + steps))
        live = [*state["g_weights"], *state["g_stats"]]
        average = [a + (1 - decay) * (b - a) for a, b in zip(state["average"], live)]
        return {**state, "average": average}


def _adam(network: keras.Model) -> keras.optimizers.Adam:
    optimizer = keras.optimizers.Adam(beta_1=0.9)
    optimizer.build(network.trainable_variables)
    return optimizer


def _run(trainer: Trainer, state: State, photos: Photos, first, steps, count: int):
    scale = trainer.generator.scale
    root = jax.random.key(trainer.seed)

    def body(state, step):
        key = jax.random.fold_in(root, step)
        crops = draw_crops(
            photos, key, trainer.batch_size, trainer.crop_size, 2 * scale
        )
        lr, hr = make_pair(crops, scale)
        return trainer.step(state, lr, hr, step / steps)

    state, logs = jax.lax.scan(body, state, first + jnp.arange(count))
    return state, {name: jnp.mean(values) for name, values in logs.items()}


_run = jax.jit(_run, static_argnums=(0, 5), donate_argnums=1)
