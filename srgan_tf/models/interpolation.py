"""Blending the weights of two generators: the dial from faithful to realistic."""

from srgan_tf.errors import UserError
from srgan_tf.models.generator import Generator


def interpolate(faithful: Generator, realistic: Generator, realism: float) -> Generator:
    """A generator between two of one size: 0 gives the first, 1 the second.

    Works where the second was trained from the first, as SRGAN from SRResNet (network
    interpolation, Wang et al. 2018, "ESRGAN", section 3.4).

    Raises:
        UserError: If their sizes differ.
    """
    sizes = [
        (g.scale, g.num_blocks, g.filters, g.channels) for g in (faithful, realistic)
    ]
    if sizes[0] != sizes[1]:
        raise UserError(
            "--realism needs two generators of one size; these have (scale, blocks, "
            f"filters, channels) {sizes[0]} and {sizes[1]}."
        )
    model = Generator(*sizes[0])
    model.set_weights(
        [
            (1.0 - realism) * a + realism * b
            for a, b in zip(faithful.get_weights(), realistic.get_weights())
        ]
    )
    return model
