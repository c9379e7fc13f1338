"""Weights in a few bits, in PyTorch: blocks with a scale each, and one of a few levels for each."""

from statistics import NormalDist

import torch

SCALE_BITS = 32  # of a block's scale


def integer_levels(bits):
    """Return the levels of a symmetric integer of so many bits: (2^bits - 1,)."""
    n = 2 ** (bits - 1) - 1
    return torch.arange(-n, n + 1, dtype=torch.float64) / n              # QZ-1


def normal_levels():
    """Return the 16 levels of NF4: (16,)."""
    last = 1 - (1 / 32 + 1 / 30) / 2
    quantile = NormalDist().inv_cdf
    above = [quantile(last + (0.5 - last) * i / 8) for i in range(8)]
    below = [-quantile(last + (0.5 - last) * i / 7) for i in range(7)]
    levels = torch.tensor([*below, 0.0, *above], dtype=torch.float64).sort().values
    return levels / levels[-1]                                           # QZ-2


LEVELS = {"int8": (8, integer_levels(8)), "int4": (4, integer_levels(4)),
          "int3": (3, integer_levels(3)), "int2": (2, integer_levels(2)),
          "NF4": (4, normal_levels())}


def quantize(w, kind, block=None):
    """Return codes, scales and the shape of a weight: (...) -> (G, Q), (G,)."""
    rows = w.reshape(-1, block or w.numel())
    scales = rows.abs().amax(-1).float()                                 # QZ-3
    ratio = rows / scales.where(scales > 0, 1).to(w.dtype)[:, None]
    _, levels = LEVELS[kind]
    codes = torch.bucketize(ratio.double(), (levels[1:] + levels[:-1]) / 2)
    return codes.to(torch.uint8), scales, w.shape                        # QZ-4


def dequantize(quantized, kind, dtype=torch.float64):
    """Return the weight that codes and scales stand for: (G, Q), (G,) -> (...)."""
    codes, scales, shape = quantized
    _, levels = LEVELS[kind]
    return (levels[codes.long()] * scales[:, None]).view(shape).to(dtype)    # QZ-5


def rounded(w, kind, block=None):
    """Return what is left of a weight: (...) -> (...)."""
    return dequantize(quantize(w, kind, block), kind, w.dtype)


def bits_per_weight(kind, block):
    """Return how many bits a weight takes, with its share of the scale."""
    return LEVELS[kind][0] + SCALE_BITS / block                          # QZ-6


def pack(codes, kind):
    """Return codes bit behind bit, the lowest first: (G, Q) -> (bytes,)."""
    bits, _ = LEVELS[kind]
    each = codes.reshape(-1, 1) >> torch.arange(bits) & 1
    each = torch.nn.functional.pad(each.flatten(), (0, -each.numel() % 8)).view(-1, 8)
    return (each << torch.arange(8)).sum(-1).to(torch.uint8)             # QZ-7


def unpack(packed, kind, shape):
    """Return the codes again: (bytes,) -> (G, Q)."""
    bits, _ = LEVELS[kind]
    each = (packed[:, None] >> torch.arange(8) & 1).flatten()[:shape[0] * shape[1] * bits]
    return (each.view(*shape, bits) << torch.arange(bits)).sum(-1).to(torch.uint8)


def straight_through(w, kind, block=None):
    """Return the rounded weight; its gradient is passed on to the weight: (...) -> (...)."""
    return w + (rounded(w, kind, block) - w).detach()                    # QZ-8


def gguf_blocks(w, kind):
    """Return rows as llama.cpp's files have them: (..., C) -> (..., bytes)."""
    x = w.unflatten(-1, (-1, 32)).float()
    scales, codes = {"Q4_0": q4_0, "Q4_1": q4_1, "Q8_0": q8_0}[kind](x)
    if kind != "Q8_0":
        codes = codes[..., :16] | codes[..., 16:] << 4
    heads = torch.cat(scales, -1).half().view(torch.uint8)
    return torch.cat([heads, codes], -1).flatten(-2)


def q4_0(x):
    d = x.gather(-1, x.abs().argmax(-1, keepdim=True)) / -8              # QZ-9
    return (d,), codes_of(x, d, 8.5)


def q4_1(x):
    low, high = x.aminmax(dim=-1, keepdim=True)
    d = (high - low) / 15                                                # QZ-10
    return (d, low), codes_of(x - low, d, 0.5)


def q8_0(x):
    d = x.abs().amax(-1, keepdim=True) / 127                             # QZ-11
    ratio = x * inverse(d)
    return (d,), (ratio + 0.5 * ratio.sign()).trunc().to(torch.int8).view(torch.uint8)


def codes_of(x, d, shift):
    return (x.double() * inverse(d) + shift).trunc().clamp(0, 15).to(torch.uint8)


def inverse(d):
    return torch.where(d == 0, 0, 1 / d)
