"""Layers as others write them, for the tests of the grader; each is a file of its own."""

AFFINE = """
import numpy as np

def affine_forward(x, w, b):
    return x.reshape(x.shape[0], -1) @ w + b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    return dx, dw, np.sum(dout, axis=0)
"""
LAYERNORM_C = """
def layernorm_forward(out, mean, rstd, inp, weight, bias, B, T, C):
    for b in range(B):
        for t in range(T):
            m = sum(inp[b, t]) / C
            v = sum((inp[b, t] - m) ** 2) / C
            mean[b, t], rstd[b, t] = m, 1 / (v + 1e-5) ** 0.5
            for i in range(C):
                out[b, t, i] = rstd[b, t] * (inp[b, t, i] - m) * weight[i] + bias[i]

def layernorm_backward(dinp, dweight, dbias, dout, inp, weight, mean, rstd, B, T, C):
    for b in range(B):
        for t in range(T):
            norm = (inp[b, t] - mean[b, t]) * rstd[b, t]
            dnorm_norm_mean = sum(weight * dout[b, t] * norm) / C
            for i in range(C):
                dbias[i] += dout[b, t, i]
                dweight[i] += norm[i] * dout[b, t, i]
                dinp[b, t, i] += rstd[b, t] * (weight[i] * dout[b, t, i] - norm[i] * dnorm_norm_mean)
"""
MODULE = """
import torch.nn as nn
from torch.nn import functional as F

class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.n_head = config.n_head

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = (a.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
                   for a in self.c_attn(x).split(C, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))
"""
ROWS_NORM = """
import numpy as np

def forward(x, gamma, beta, ln_param):
    mu, var = np.mean(x, axis=1, keepdims=True), np.var(x, axis=1, keepdims=True)
    std = np.sqrt(var + ln_param.get("eps", 1e-5))
    return gamma * (x - mu) / std + beta, ((x - mu) / std, gamma, std)

def backward(dout, cache):
    xhat, gamma, std = cache
    d = dout * gamma
    dx = (d - d.mean(1, keepdims=True) - xhat * (d * xhat).mean(1, keepdims=True)) / std
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)
"""
ROWS_LOSS = """
import numpy as np

def forward(x, y):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean(), (p, y)

def backward(dout, cache):
    p, y = cache
    dx = p.copy()
    dx[np.arange(len(y)), y] -= 1
    return dout * dx / len(y)
"""
LOSS_AT_ONCE = """
import numpy as np

def softmax_loss(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    N = x.shape[0]
    loss = -log_probs[np.arange(N), y].mean()
    dx = np.exp(log_probs)
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx
"""
DENSE = """
import copy
import numpy as np

class Dense:
    def __init__(self, n_units, input_shape=None):
        self.n_units, self.input_shape = n_units, input_shape

    def initialize(self, optimizer):
        self.W = np.random.uniform(-1, 1, (self.input_shape[0], self.n_units))
        self.w0 = np.zeros((1, self.n_units))
        self.W_opt, self.w0_opt = copy.copy(optimizer), copy.deepcopy(optimizer)

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        W = self.W
        self.W = self.W_opt.update(self.W, self.layer_input.T.dot(accum_grad))
        self.w0 = self.w0_opt.update(self.w0, np.sum(accum_grad, axis=0, keepdims=True))
        return accum_grad.dot(W.T)
"""
LAZY = """
import numpy as np

class FullyConnected:
    def __init__(self, n_out, act_fn=None):
        self.n_out, self.parameters, self.X = n_out, {}, []

    def forward(self, X, retain_derived=True):
        if not self.parameters:
            self.parameters = {"W": np.ones((X.shape[1], self.n_out)), "b": np.ones((1, self.n_out))}
            self.gradients = {"W": 0, "b": 0}
        self.X.append(X)
        return X @ self.parameters["W"] + self.parameters["b"]

    def backward(self, dLdy, retain_grads=True):
        self.gradients["W"] += self.X[-1].T @ dLdy
        self.gradients["b"] += dLdy.sum(axis=0, keepdims=True)
        return dLdy @ self.parameters["W"].T
"""
TWO_LAYERS = """
import numpy as np

K, A = np.sqrt(2 / np.pi), 0.044715

class FeedForward:
    def __init__(self, d_model):
        self.W1, self.b1 = np.zeros((d_model, 4 * d_model)), np.zeros(4 * d_model)
        self.W2, self.b2 = np.zeros((4 * d_model, d_model)), np.zeros(d_model)

    def forward(self, x):
        self.x, self.a = x, x @ self.W1 + self.b1
        self.t = np.tanh(K * (self.a + A * self.a**3))
        self.h = 0.5 * self.a * (1 + self.t)
        return self.h @ self.W2 + self.b2

    def backward(self, dy):
        a, t = self.a, self.t
        da = dy @ self.W2.T * (0.5 * (1 + t) + 0.5 * a * (1 - t**2) * K * (1 + 3 * A * a**2))
        self.dW2, self.db2 = np.einsum("btf,btc->fc", self.h, dy), dy.sum((0, 1))
        self.dW1, self.db1 = np.einsum("btc,btf->cf", self.x, da), da.sum((0, 1))
        return da @ self.W1.T
"""
BY_NAME = """
import numpy as np

def forward(x, params):
    return x @ params["W"] + params["b"], (x, params["W"])

def backward(dy, cache):
    x, W = cache
    return dy @ W.T, {"db": dy.sum((0, 1)), "dW": np.einsum("bti,bto->io", x, dy)}
"""
NO_BIAS = """
import numpy as np

def forward(x, weight, mode):
    return x @ weight.T, (x, weight)

def backward(cache, dy):
    x, weight = cache
    return dy @ weight, np.einsum("bto,bti->oi", dy, x)
"""
GELU_C = """
import math

S = math.sqrt(2 / math.pi)

def forward(out, inp, N):
    for i in range(N):
        x = inp[i]
        out[i] = 0.5 * x * (1 + math.tanh(S * (x + 0.044715 * x**3)))

def backward(dinp, inp, dout, N):
    for i in range(N):
        x = inp[i]
        t = math.tanh(S * (x + 0.044715 * x**3))
        dinp[i] += (0.5 * (1 + t) + x * 0.5 * (1 - t * t) * S * (1 + 0.134145 * x * x)) * dout[i]
"""
TENSORS = """
import torch

def forward(x, weight, bias):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias)
"""
