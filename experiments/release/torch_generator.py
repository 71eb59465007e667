"""The generator in PyTorch, for training on CPUs that multiply bfloat16.

With Intel's AMX a step takes a third of the time that it takes in TensorFlow. It is
the network of `srgan_tf.models.Generator` with BatchNorm held: the same function of the
same weights, taken from a Keras generator and written back into it.
"""

from collections.abc import Sequence

import keras
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from srgan_tf.models import Generator

torch._dynamo.config.recompile_limit = 16  # one for each layer's shape


@torch.compile(dynamic=False)
def _prelu_forward(x, slope):
    return torch.where(x > 0, x, slope * x)


@torch.compile(dynamic=False)
def _prelu_backward(x, slope, gradient):
    below = torch.where(x > 0, 0.0, gradient.float())
    by_x = torch.where(x > 0, gradient, slope * gradient)
    return by_x, (below * x.float()).sum(0)


class _PReLU(torch.autograd.Function):
    """PyTorch's own takes a quarter of a step, most of it for the slopes' gradient."""

    @staticmethod
    def forward(ctx, x, slope):
        rows = _rows(x)
        ctx.save_for_backward(rows, slope)
        ctx.shape = x.shape
        return _picture(_prelu_forward(rows, slope.to(x.dtype)), x.shape)

    @staticmethod
    def backward(ctx, gradient):
        rows, slope = ctx.saved_tensors
        slope = slope.to(rows.dtype)
        by_x, by_slope = _prelu_backward(rows, slope, _rows(gradient))
        return _picture(by_x, ctx.shape), by_slope


def _rows(x):
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _picture(rows, shape):
    n, c, h, w = shape
    return rows.view(n, h, w, c).permute(0, 3, 1, 2)


def _prelu(x, slope):
    if torch.is_grad_enabled():
        return _PReLU.apply(x, slope)
    return F.prelu(x, slope.to(x.dtype))  # of any shape, without compiling


def _depth_to_space(x):
    """PixelShuffle x2 in TensorFlow's order of channels."""
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n, h, w, 2, 2, c // 4)
    x = x.permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, c // 4)
    return x.permute(0, 3, 1, 2)


class TorchGenerator(nn.Module):
    """LR `[N, 3, H, W]` in [0, 1] to SR `[N, 3, 4 * H, 4 * W]` in [-1, 1], float32.

    Args:
        generator: A Keras generator of scale 4.
        dtype: Of the convolutions.

    Attributes:
        source: Keras variables and the parameters that started as they are.
    """

    def __init__(self, generator: Generator, dtype: torch.dtype = torch.bfloat16):
        super().__init__()
        self.dtype = dtype
        self.source = []
        blocks, ups = generator.blocks, generator.upsample
        self.head = self._kernel(generator.head)
        self.head_slope = self._slope(generator.head_prelu)
        self.convs1 = nn.ParameterList(self._kernel(b.conv1) for b in blocks)
        self.slopes = nn.ParameterList(self._slope(b.prelu) for b in blocks)
        self.convs2 = nn.ParameterList(self._kernel(b.conv2) for b in blocks)
        self.body = self._kernel(generator.body)
        self.ups = nn.ParameterList(self._kernel(u.conv) for u in ups)
        self.up_slopes = nn.ParameterList(self._slope(u.prelu) for u in ups)
        self.tail = self._kernel(generator.tail)
        convs = (generator.head, *(u.conv for u in ups), generator.tail)
        self.biases = nn.ParameterList(self._parameter(c.bias) for c in convs)
        self.norms1 = [_norm(b.bn1) for b in blocks]
        self.norms2 = [_norm(b.bn2) for b in blocks]
        self.body_norm = _norm(generator.body_bn)

    def _parameter(self, variable, change=np.array):
        array = change(keras.ops.convert_to_numpy(variable))
        parameter = nn.Parameter(torch.from_numpy(np.array(array, order="C")))
        self.source.append((variable, parameter))
        return parameter

    def _kernel(self, layer):
        return self._parameter(layer.kernel, lambda k: k.transpose(3, 2, 0, 1))

    def _slope(self, layer):
        return self._parameter(layer.alpha, np.ravel)

    def write_back(self, values: Sequence[torch.Tensor] | None = None) -> None:
        """Puts the parameters, or others in the order of `source`, into the source."""
        values = values or [parameter for _, parameter in self.source]
        for (variable, _), value in zip(self.source, values):
            array = value.detach().numpy()
            if array.ndim == 4:
                array = array.transpose(2, 3, 1, 0)
            variable.assign(array.reshape(variable.shape))

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        head_bias, *up_biases, tail_bias = self.biases
        x = lr.to(self.dtype, memory_format=torch.channels_last)
        x = skip = _prelu(self._conv(x, self.head, head_bias), self.head_slope)
        for conv1, norm1, slope, conv2, norm2 in zip(
            self.convs1, self.norms1, self.slopes, self.convs2, self.norms2
        ):
            y = _prelu(self._normed(x, conv1, norm1), slope)
            x = x + self._normed(y, conv2, norm2)
        x = skip + self._normed(x, self.body, self.body_norm)
        # PReLU is per channel, so it may come before PixelShuffle.
        ups = zip(self.ups, up_biases, self.up_slopes)
        for i, (kernel, bias, slope) in enumerate(ups):
            x = _depth_to_space(x) if i else x
            x = _prelu(self._conv(x, kernel, bias), slope.repeat(4))
        return _depth_to_space(torch.tanh(self._shuffled_tail(x, tail_bias).float()))

    def _conv(self, x, kernel, bias):
        kernel = kernel.to(self.dtype, memory_format=torch.channels_last)
        return F.conv2d(x, kernel, bias.to(self.dtype), padding=kernel.shape[2] // 2)

    def _normed(self, x, kernel, norm):
        factor, offset = norm
        return self._conv(x, kernel * factor[:, None, None, None], offset)

    def _shuffled_tail(self, x, bias):
        """The k9 tail as k5, 256 channels to 12, see `srgan_tf.inference_layers`."""
        wide = [F.pad(self.tail, (c, 1 - c, r, 1 - r)) for r in (0, 1) for c in (0, 1)]
        wide = torch.cat(wide)  # [(row, column, 3), 64, 10, 10]
        wide = wide.reshape(*wide.shape[:2], 5, 2, 5, 2).permute(0, 3, 5, 1, 2, 4)
        return self._conv(x, wide.reshape(len(wide), -1, 5, 5), bias.repeat(4))


def _norm(layer):
    """Factor and offset of a BatchNorm at inference."""
    gamma, beta, mean, variance = layer.get_weights()
    factor = gamma / np.sqrt(variance.astype(np.float64) + layer.epsilon)
    arrays = (factor, beta - mean * factor)
    return tuple(torch.from_numpy(a.astype(np.float32)) for a in arrays)
