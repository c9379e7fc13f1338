"""The llama in plain functions of torch, which share no code with either implementation."""

import math

import torch


def plain_llama(tokens, p, config, interleaved=False):
    """The logits by torch's functions on tensors by name: pairs are complex numbers that turn,
    shared heads are repeated ones. The pairs of a head are its channels i and i + D/2, or
    interleaved 2i and 2i + 1."""
    B, T = tokens.shape
    H, K, eps = config.n_head, config.n_kv_head, config.eps
    D = config.n_embd // H
    angles = torch.outer(torch.arange(T, dtype=torch.float64),
                         config.rope_base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D))
    turn = torch.polar(torch.ones_like(angles), angles)                          # (T, D / 2)

    def norm(x, name):
        return p[name] * x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps)

    def heads(x, name, count, turned):
        x = torch.einsum("btc,hdc->bhtd", x, p[name].view(count, D, -1))
        if turned:
            real, imaginary = ((x[..., ::2], x[..., 1::2]) if interleaved else
                               (x[..., : D // 2], x[..., D // 2:]))
            pairs = torch.complex(real.contiguous(), imaginary.contiguous()) * turn
            x = torch.cat([pairs.real, pairs.imag], -1)  # in one order for both: scores are sums
        return x.repeat_interleave(H // count, 1)                                # (B, H, T, D)

    x = p["embedding.weight"][tokens]
    for i in range(config.n_layer):
        at = f"blocks.{i}."
        n = norm(x, at + "norm_1.weight")
        q, k, v = (heads(n, f"{at}attention.{name}.weight", count, name != "v")
                   for name, count in (("q", H), ("k", K), ("v", K)))
        scores = torch.einsum("bhtd,bhud->bhtu", q, k) / math.sqrt(D)
        scores = scores + torch.full((T, T), -torch.inf, dtype=scores.dtype).triu(1)
        mixed = torch.einsum("bhtu,bhud->bthd", scores.softmax(-1), v).reshape(B, T, -1)
        x = x + mixed @ p[at + "attention.proj.weight"].T
        n = norm(x, at + "norm_2.weight")
        gate, up = n @ p[at + "mlp.gate.weight"].T, n @ p[at + "mlp.up.weight"].T
        x = x + (gate * torch.sigmoid(gate) * up) @ p[at + "mlp.down.weight"].T
    return norm(x, "norm.weight") @ p["embedding.weight" if config.tied else "head.weight"].T
