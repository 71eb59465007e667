"""The two optimizers of an SRGAN, as Keras' callbacks see them."""

import keras
from keras import ops


class BothOptimizers:
    """Stands where Keras looks for a model's one optimizer.

    A new learning rate changes those of both networks by the same factor. Running
    averages of weights (`use_ema`) are the generator's.

    Args:
        generator: Its optimizer.
        discriminator: Likewise.
    """

    name = "both_optimizers"
    built = True  # they are built by `SRGAN.compile`, each for its network

    def __init__(
        self,
        generator: keras.optimizers.Optimizer,
        discriminator: keras.optimizers.Optimizer,
    ):
        self.of_generator = generator
        self.of_discriminator = discriminator

    @property
    def variables(self) -> list[keras.Variable]:
        return [*self.of_generator.variables, *self.of_discriminator.variables]

    @property
    def iterations(self):
        return self.of_generator.iterations

    @property
    def learning_rate(self):
        return self.of_generator.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        before, other = (
            float(ops.convert_to_numpy(optimizer.learning_rate))
            for optimizer in (self.of_generator, self.of_discriminator)
        )
        self.of_generator.learning_rate = rate
        self.of_discriminator.learning_rate = other * rate / before if before else rate

    @property
    def inner_optimizer(self) -> keras.optimizers.Optimizer:
        """The one with the averages, which `SwapEMAWeights` looks for here."""
        optimizer = self.of_generator
        return getattr(optimizer, "inner_optimizer", optimizer)

    def finalize_variable_values(self) -> None:
        """Puts the running averages, if any, into the weights."""
        optimizer = self.inner_optimizer
        optimizer.finalize_variable_values(optimizer._trainable_variables)
