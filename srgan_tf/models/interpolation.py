"""Blending the weights of generators: the dials between those of one trunk."""

from collections.abc import Sequence

from srgan_tf.errors import UserError
from srgan_tf.models.generator import Generator


def interpolate(generators: Sequence[Generator], shares: Sequence[float]) -> Generator:
    """A generator whose weights are sums of others', each by its share.

    Works where all were trained from one, as SRGAN from SRResNet (network
    interpolation, Wang et al. 2018, "ESRGAN", section 3.4).

    Raises:
        UserError: If their sizes differ.
    """
    sizes = [(g.scale, g.num_blocks, g.filters, g.channels) for g in generators]
    if others := [size for size in sizes if size != sizes[0]]:
        raise UserError(
            "Only generators of one size can be blended; these have (scale, blocks, "
            f"filters, channels) {sizes[0]} and {others[0]}."
        )
    model = Generator(*sizes[0])
    parts = zip(*(generator.get_weights() for generator in generators))
    model.set_weights(
        [sum(share * w for share, w in zip(shares, part)) for part in parts]
    )
    return model
