"""SRGAN: generator and discriminator in their game (paper, equations 2 and 3)."""

import keras

from srgan_tf.errors import UserError
from srgan_tf.models.discriminator import Discriminator, shift
from srgan_tf.models.generator import Generator
from srgan_tf.models.inputs import PictureModel
from srgan_tf.models.losses import VGGLoss, adversarial_loss, discriminator_loss
from srgan_tf.models.optimizers import BothOptimizers
from srgan_tf.pictures.metrics import luma_metrics


@keras.saving.register_keras_serializable("srgan_tf")
class SRGAN(PictureModel):
    """Trains a generator against a discriminator; called, it is the generator.

    Each step updates the discriminator once on HR and SR crops, then the generator once
    on the perceptual loss: content loss + `adversarial_weight` * adversarial loss.
    There is no pixel loss unless it is the content loss.

    Data are pairs `(lr, hr)`: LR `[N, h, w, 3]` in [0, 1] and HR
    `[N, scale * h, scale * w, 3]` in [-1, 1]. `fit` logs `loss`, `content_loss`,
    `adversarial_loss`, `d_loss` and the mean probabilities `d_hr` and `d_sr` that the
    discriminator gives to HR and SR; validation logs PSNR and SSIM on luma.

    A `.keras` file of it holds both networks and both optimizers; to save the generator
    alone, save `model.generator`.

    Args:
        generator: Best pre-trained on a pixel loss, as in the paper.
        discriminator: Its `crop_size`, where it has one, is that of the HR crops.

    Example:
        >>> model = SRGAN(Generator(num_blocks=1, filters=4), Discriminator(32, 4, 8))
        >>> model.compile(content_loss=keras.losses.MeanSquaredError())
        >>> lr, hr = keras.ops.zeros((2, 8, 8, 3)), keras.ops.zeros((2, 32, 32, 3))
        >>> sorted(model.train_on_batch(lr, hr, return_dict=True))[:2]
        ['adversarial_loss', 'content_loss']
    """

    def __init__(self, generator: Generator, discriminator: Discriminator, **kwargs):
        super().__init__(**kwargs)
        if generator.channels != discriminator.channels:
            raise UserError(
                f"The generator makes pictures of {generator.channels} channels, the "
                f"discriminator takes {discriminator.channels}."
            )
        self.generator = generator
        self.discriminator = discriminator
        self.scale = generator.scale
        self.channels = generator.channels
        names = "loss", "content_loss", "adversarial_loss", "d_loss", "d_hr", "d_sr"
        self.means = {name: keras.metrics.Mean(name=name) for name in names}
        self.luma_metrics = luma_metrics(generator.scale)
        self.built = True

    def compile(
        self,
        content_loss: keras.losses.Loss,
        g_optimizer: keras.optimizers.Optimizer | None = None,
        d_optimizer: keras.optimizers.Optimizer | None = None,
        adversarial_weight: float = 1e-3,
        **kwargs,
    ):
        """Sets losses and optimizers.

        Callbacks find both optimizers in `optimizer`: see `BothOptimizers`.

        Args:
            content_loss: Called as `content_loss(hr, sr)`; see `losses.content_loss`.
            g_optimizer: For the generator; Adam at 1e-4 if left out.
            d_optimizer: For the discriminator; Adam at 1e-4 if left out.
            adversarial_weight: 1e-3 in equation 3.
            **kwargs: `jit_compile`, `steps_per_execution` and `run_eagerly` of Keras.

        Raises:
            UserError: If the loss is VGG19's and the pictures are not RGB.
        """
        if isinstance(content_loss, VGGLoss) and self.channels != 3:
            raise UserError(
                f"VGG19 sees RGB, these pictures have {self.channels} channels: use "
                "another content loss."
            )
        super().compile(optimizer=None, **kwargs)
        self.content_loss = content_loss
        self.adversarial_weight = adversarial_weight
        # Built here, they are saved and restored with the weights.
        self.g_optimizer = self._own(g_optimizer, self.generator)
        self.d_optimizer = self._own(d_optimizer, self.discriminator)
        self.optimizer = BothOptimizers(self.g_optimizer, self.d_optimizer)
        self._settings = {"adversarial_weight": adversarial_weight, **kwargs}

    def _own(self, optimizer, network):
        optimizer = optimizer or keras.optimizers.Adam(1e-4)
        scaling = keras.optimizers.LossScaleOptimizer
        scaled = network.dtype_policy.name == "mixed_float16"
        if scaled and not isinstance(optimizer, scaling):
            optimizer = scaling(optimizer)
        optimizer.build(network.trainable_variables)
        return optimizer

    def get_compile_config(self):
        if not self.compiled:
            return {}
        parts = {
            "content_loss": self.content_loss,
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
        }
        config = {k: keras.saving.serialize_keras_object(v) for k, v in parts.items()}
        return {**config, **self._settings}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def get_config(self):
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        parts = {k: keras.saving.serialize_keras_object(v) for k, v in networks.items()}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        networks = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("generator", "discriminator")
        }
        return cls(**{**config, **networks})

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        **kwargs,
    ):
        """As Keras' own, which cannot train on several workers.

        Raises:
            NotImplementedError: Under `MultiWorkerMirroredStrategy`.
            UserError: If the pictures cannot be meant so, or Keras does not run on
                TensorFlow.
        """
        _check_backend()
        if type(self.distribute_strategy).__name__ == "MultiWorkerMirroredStrategy":
            raise NotImplementedError(
                "Keras 3 cannot `fit` on several workers (keras-team/keras #20585): "
                "use `srgan_tf.main train --strategy=multi_worker` or "
                "`srgan_tf.training.workers.fit_workers`."
            )
        # Where Keras would do it for its own optimizer: before the other callbacks.
        last = keras.callbacks.LambdaCallback(
            on_train_end=lambda logs: self.optimizer.finalize_variable_values()
        )
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.callbacks.insert(0, last)
        else:
            callbacks = [last, *keras.tree.flatten(callbacks or [])]
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def check_pictures(self, lr, hr, training):
        super().check_pictures(lr, hr, training)
        side, least = self.discriminator.crop_size, 11 + 2 * self.scale
        if hr is None:
            return
        if side and training and hr.shape[1:3] != (side, side):
            raise UserError(
                f"The discriminator takes crops of {side}x{side} HR pixels, square ones"
                f" only. Received: {hr.shape}"
            )
        if not training and min(hr.shape[1:3]) < least:  # SSIM's window, and a border
            raise UserError(
                f"HR pictures are measured from {least} pixels each way on. Received: "
                f"{hr.shape}"
            )

    def export(self, filepath, format="tf_saved_model", **kwargs):
        """Exports the generator: see `Generator.export`."""
        self.generator.export(filepath, format, **kwargs)

    def call(self, lr, training=False):
        return self.generator(lr, training=training)

    @property
    def metrics(self):
        return [*self.means.values(), *self.luma_metrics]

    def train_step(self, data):
        import tensorflow as tf

        lr, hr, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as g_tape:
            sr = self.generator(lr, training=True)

        # Equation 2: the discriminator learns with the generator held fixed.
        with tf.GradientTape() as d_tape:
            hr_logits = self.discriminator(hr, training=True)
            sr_logits = self.discriminator(tf.stop_gradient(sr), training=True)
            d_loss = discriminator_loss(hr_logits, sr_logits)
            d_scaled = self.d_optimizer.scale_loss(d_loss)
        d_variables = self.discriminator.trainable_variables
        d_gradients = d_tape.gradient(d_scaled, d_variables)
        self.d_optimizer.apply(d_gradients, d_variables)

        # Equation 3: the generator learns with the discriminator held fixed.
        with g_tape:
            content = self.content_loss(shift(hr), shift(sr))
            adversarial = adversarial_loss(self.discriminator(sr, training=True))
            loss = content + self.adversarial_weight * adversarial
            g_scaled = self.g_optimizer.scale_loss(loss)
        g_variables = self.generator.trainable_variables
        g_gradients = g_tape.gradient(g_scaled, g_variables)
        self.g_optimizer.apply(g_gradients, g_variables)

        # Keras has divided the losses by the replicas, whose gradients are added up.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return self._update(
            loss=replicas * loss,
            content_loss=replicas * content,
            adversarial_loss=replicas * adversarial,
            d_loss=replicas * d_loss,
            d_hr=tf.sigmoid(hr_logits),
            d_sr=tf.sigmoid(sr_logits),
        )

    def test_step(self, data):
        import tensorflow as tf

        lr, hr, _ = keras.utils.unpack_x_y_sample_weight(data)
        sr = self.generator(lr, training=False)
        for metric in self.luma_metrics:
            metric.update_state(hr, sr)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self.means["content_loss"].update_state(replicas * self.content_loss(hr, sr))
        watched = [self.means["content_loss"], *self.luma_metrics]
        return {metric.name: metric.result() for metric in watched}

    def _update(self, **values):
        for name, value in values.items():
            self.means[name].update_state(value)
        return {name: metric.result() for name, metric in self.means.items()}


def _check_backend() -> None:
    backend = keras.config.backend()
    if backend != "tensorflow":
        raise UserError(
            f"SRGAN trains on TensorFlow only, and Keras runs on {backend} here: set "
            "KERAS_BACKEND=tensorflow."
        )
