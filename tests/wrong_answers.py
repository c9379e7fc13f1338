"""Wrong answers as students write them, and what the verdict on each must say.

An answer is (layer, the lines after those of BEGIN, what the verdict must say; None where it names
no mistake, and must not name another). They follow what is
asked and answered in course forums, in student repositories and in issues about hand-written
backwards; the code is our own.
"""

BEGIN = {  # of each backward
    "linear": "x, weight = cache\n"
    "rows, dys = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])",
    "embedding": "tokens, V, S, C, _ = cache\nB, T = tokens.shape\n"
                 "token, position = np.zeros((V, C)), np.zeros((S, C))",
    "layer_norm": "xhat, rstd, weight = cache\nd, N = dy * weight, dy.shape[-1]\n"
                  "mean = lambda a: a.mean(-1, keepdims=True)\n"
                  "total = lambda a: a.sum(-1, keepdims=True)\naxes = (0, 1)\n"
                  "dx = rstd * (d - mean(d) - xhat * mean(d * xhat))\n"
                  "dw, db = (dy * xhat).sum(axes), dy.sum(axes)",
    "gelu": "x, e = cache\ns = np.sqrt(2 / np.pi)\nu = s * (x + 0.044715 * x**3)\nt = np.tanh(u)\n"
            "du = s * (1 + 3 * 0.044715 * x**2)",
    "softmax": "y = cache.y",
    "dropout": "keep, rate, _ = cache",
    "cross_entropy": "p, t, counted = cache\nV, n = p.shape[-1], counted.sum()\n"
                     "one = (np.arange(V) == t[..., None]) * 1.0\nm = counted[..., None]",
    "clipped_surrogate": "ratio, A, eps = cache\nN = A.size\n"
                         "out = np.where(A > 0, ratio > 1 + eps, ratio < 1 - eps)",
    "mlp": "x, a = cache.up.x, cache.down.x\nh = cache.gelu.near\n"
           "if cache.drop is not None:\n    dy = dropout.backward(dy, cache.drop)\n"
           "flat = lambda z: z.reshape(-1, z.shape[-1])\n"
           "da = dy @ cache.down.weight\n"
           "ddown = linear.Params(flat(dy).T @ flat(a), flat(dy).sum(0))",
    "attention": "q, k, v, P = cache.q, cache.k, cache.v, cache.softmax.y\nB, H, T, D = q.shape\n"
                 "if cache.output_drop is not None:\n"
                 "    dy = dropout.backward(dy, cache.output_drop)\n"
                 "dm, dproj = linear.backward(dy, cache.proj)\ndm = split_heads(dm, H)\n"
                 "dv = cache.weights.swapaxes(-1, -2) @ dm\ndP = dm @ v.swapaxes(-1, -2)\n"
                 "if cache.weights_drop is not None:\n"
                 "    dP = dropout.backward(dP, cache.weights_drop)\n"
                 "dS = P * (dP - (dP * P).sum(-1, keepdims=True)) / np.sqrt(D)\n"
                 "dq, dk = dS @ k, dS.swapaxes(-1, -2) @ q\n"
                 "def finish(dq, dk, dv):\n"
                 "    dqkv = np.concatenate([merge_heads(g) for g in (dq, dk, dv)], -1)\n"
                 "    dx, p = linear.backward(dqkv, cache.qkv)\n    return dx, Params(p, dproj)",
    "flash_attention": "q, k, v, y, lse, block = cache\nT, D = q.shape[-2:]\n"
                       "seen = np.tri(T, dtype=bool)\n"
                       "S = q @ k.swapaxes(-1, -2) / np.sqrt(D)\n"
                       "P = np.where(seen, np.exp(np.where(seen, S, -np.inf) - lse), 0)\n"
                       "dP = dy @ v.swapaxes(-1, -2)\ndelta = (dy * y).sum(-1, keepdims=True)\n"
                       "dS = P * (dP - delta)\ndv = P.swapaxes(-1, -2) @ dy",
    "sequence_logp": "p, t, counted = cache\none = (np.arange(p.shape[-1]) == t[..., None]) * 1.0\n"
                     "m, g = counted[..., None], dlogp[:, None, None]",
    "dpo": "u, beta = cache\nn, s = len(u), 1 / (1 + np.exp(u))",
    "lora": "x, h, W, (a, b), s = cache\nflat = lambda z: z.reshape(-1, z.shape[-1])\n"
            "X, DY = flat(x), flat(dy)\ndx = dy @ W + s * (dy @ b) @ a\n"
            "da, db = s * (DY @ b).T @ X, s * DY.T @ h",
    "kto": "u, sign, w, beta = cache\nn, s = len(u), 1 / (1 + np.exp(-u))",
    "simpo": "u, a, c, beta = cache\nn, s = len(u), 1 / (1 + np.exp(u))",
    "skip_gram": "(a, o, r), (w, c, q), u, s, shape = cache\n"
                 "sigma = lambda x: 1 / (1 + np.exp(-x))\nn = dloss / len(u)\n"
                 "du, ds = -n * sigma(-u)[:, None], n * sigma(s)[..., None]\n"
                 "dw = du * c + (ds * q).sum(1)\nE, F = np.zeros(shape), np.zeros(shape)\n"
                 "def finish(dw, dc, dq):\n"
                 "    np.add.at(E, a, dw)\n    np.add.at(F, o, dc)\n    np.add.at(F, r, dq)\n"
                 "    return Params(Table(E), Table(F))",
    "scaling_law": "z, p, n, d, g = cache\ns, b, e = g * p.T\nright = [s, -s * n, b, -b * d, e]",
    "block": "dm, dmlp = mlp.backward(dy, cache.mlp)",
    "rms_norm": "xhat, rrms, weight = cache\nd, C, axes = dy * weight, dy.shape[-1], (0, 1)\n"
                "mean = lambda a: a.mean(-1, keepdims=True)\n"
                "dx, dw = rrms * (d - xhat * mean(d * xhat)), (dy * xhat).sum(axes)",
    "rope": "cos, sin, shape = cache\nhalf = shape[-1] // 2\n"
            "da, db = dy[..., :half], dy[..., half:]",
    "swiglu": "x, g, u, s, h, p = cache\nflat = lambda a: a.reshape(-1, a.shape[-1])\n"
              "X, DY = flat(x), flat(dy)\nWg, Wu, Wd = (w.weight for w in p)\ndh = DY @ Wd\n"
              "slope = s * (1 + g * (1 - s))\n"
              "def finish(dg, du):\n"
              "    weights = dg.T @ X, du.T @ X, DY.T @ h\n"
              "    return (dg @ Wg + du @ Wu).reshape(x.shape), Params(*map(linear.Weight, weights))",
    "grouped_attention":
        "x, q, k, v, p, P = cache.x, cache.q, cache.k, cache.v, cache.p, cache.softmax.y\n"
        "D = q.shape[-1]\nQ, K, V = q.reshape(*P.shape[:-1], D), k[:, :, None], v[:, :, None]\n"
        "dm, dproj = unproject(dy, cache.merged, p.proj)\n"
        "dm = split_heads(dm, q.shape[1]).reshape(Q.shape)\ndP = dm @ V.swapaxes(-1, -2)\n"
        "dS = P * (dP - (dP * P).sum(-1, keepdims=True)) / np.sqrt(D)\n"
        "dq = (dS @ K).reshape(q.shape)\ndks = dS.swapaxes(-1, -2) @ Q\n"
        "dvs = P.swapaxes(-1, -2) @ dm\n"
        "back = lambda dq, dk: (rope.backward(dq, cache.rope_q), rope.backward(dk, cache.rope_k))\n"
        "def finish(dq, dk, dv):\n"
        "    found = [unproject(merge_heads(d), x, w) for d, w in zip((dq, dk, dv), p)]\n"
        "    return sum(dx for dx, _ in found), Params(*(w for _, w in found), dproj)",
    "attention_only": "V, C = cache.table.shape\n"
                      "dx, dnorm = layer_norm.backward(dlogits @ cache.table, cache.norm)\n"
                      "dhead = dlogits.reshape(-1, V).T @ cache.h.reshape(-1, C)\ndblocks = []",
    "megabyte": "V, C = cache.table.shape\n(B, T), M = cache.embedding.tokens.shape, cache.h.shape[1]\n"
                "dhead = dlogits.reshape(-1, V).T @ cache.h.reshape(-1, C)\n"
                "dy, dnorm = layer_norm.backward((dlogits @ cache.table).reshape(cache.h.shape),\n"
                "                                cache.norm)\n"
                "dlocal, dglobal = [], []\nfor kept in reversed(cache.local_blocks):\n"
                "    dy, d = block.backward(dy, kept)\n    dlocal.insert(0, d)\n"
                "near, start = np.zeros_like(dy), dy[:, 0].sum(0)\nnear[:, :-1] = dy[:, 1:]\n"
                "dg = dy.reshape(B, -1, M * C)\nfor kept in reversed(cache.global_blocks):\n"
                "    dg, d = block.backward(dg, kept)\n    dglobal.insert(0, d)\n"
                "far, first = np.zeros_like(dg), dg[:, 0].sum(0).reshape(M, C)\n"
                "far[:, :-1] = dg[:, 1:]\nlike = (B, T, C)\n"
                "def finish(dx, start=start):\n"
                "    d = embedding.backward(dx, cache.embedding)\n"
                "    d = d._replace(token=embedding.Table(d.token.weight + dhead))\n"
                "    return Params(d, first, start, tuple(dglobal), tuple(dlocal), dnorm)",
    "llama_block": "dm, dmlp = swiglu.backward(dy, cache.mlp)\n"
                   "norm, attend = rms_norm.backward, grouped_attention.backward\n"
                   "ds, dn2 = norm(dm, cache.norm_2)\n"
                   "def finish(dr):\n"
                   "    dn, da = attend(dr, cache.attention)\n"
                   "    dx, dn1 = norm(dn, cache.norm_1)\n"
                   "    return dx, Params(dn1, da, dn2, dmlp)",
}
AO = "attention_only"
AO_BLOCKS = """for norm_1, attend in reversed(cache.blocks):
    dn, dattention = attention.backward(dx, attend)
    dx_branch, dnorm_1 = layer_norm.backward(dn, norm_1)
    dx = dx + dx_branch
    dblocks.insert(0, Block(dnorm_1, dattention))
"""
AO_TABLE = """dembedding = embedding.backward(dx, cache.embedding)
table = embedding.Table(dembedding.token.weight + dhead)
return Params(embedding.Params(table, dembedding.position), tuple(dblocks), dnorm)"""
LINEAR, NORM, SOFT, GELU, DROP = "linear", "layer_norm", "softmax", "gelu", "dropout"
RMS, ROPE, GATED, GROUPED = "rms_norm", "rope", "swiglu", "grouped_attention"
CLIP, SKIP = "clipped_surrogate", "skip_gram"
LOSS, EMB, MLP, ATT, FLASH, BLOCK = ("cross_entropy", "embedding", "mlp", "attention",
                                     "flash_attention", "block")
LLAMA = "llama_block"
WRONG_ANSWERS = [
    (LINEAR, "return dy @ weight, Params(dys.T @ rows, dy.sum(0))", "over the batch alone"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows, dy.sum(1))", "over the positions alone"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows, dy.sum(-1))", "over the features"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows, dy.sum())", "its own bias (LIN-4)"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows, dy)", "every row uses the same bias"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows, dys.mean(0))", "over them, not the mean"),
    (LINEAR, "return dy @ weight, Params(rows.T @ dys, dys.sum(0))", "the weight is (O, I)"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows / len(rows), dys.sum(0))",
     "sum over the rows, not the mean"),
    (LINEAR, "return dy @ weight, Params(np.outer(dys.sum(0), rows.sum(0)), dys.sum(0))",
     "the product of the sums"),
    (LINEAR, "return dy @ weight, Params(np.einsum('bto,bti->boi', dy, x), dys.sum(0))",
     "each sequence keeps a gradient of its own"),
    (LINEAR, "return (dys.T @ rows, dys.sum(0)), dy @ weight", "in another order"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows / len(x), dys.sum(0) / len(x))",
     "the sum over the batch, not the mean (LIN-3)"),
    (LINEAR, "return dy @ weight, Params(dys.T @ rows, dys.sum(0, keepdims=True))",
     "it holds the right numbers"),
    (EMB, "token[tokens] += dy\nposition[:T] = dy.sum(0)\n"
     "return Params(Table(token), Table(position))",
     "the last of them only (EMB-2)"),
    (EMB, "token[tokens] = dy\nposition[:T] = dy.sum(0)\n"
     "return Params(Table(token), Table(position))",
     "the last of them only (EMB-2)"),
    (EMB, "np.add.at(token, tokens, dy)\nposition[:T] = dy.mean(0)\n"
     "return Params(Table(token), Table(position))", "don't average (EMB-3)"),
    (EMB, "np.add.at(token, tokens, dy)\nposition[:] = dy.sum((0, 1))\n"
     "return Params(Table(token), Table(position))", None),
    (EMB, "np.add.at(token, tokens, dy)\nposition[:T] = dy.sum((0, 1))\n"
     "return Params(Table(token), Table(position))", "each position has its own row (EMB-3)"),
    (EMB, "np.add.at(token, tokens, dy)\nreturn Params(Table(token), Table(dy.sum(0)))",
     "those of the positions from T on"),
    (EMB, "np.add.at(token, tokens, dy)\ncount = np.bincount(tokens.ravel(), minlength=V)\n"
     "position[:T] = dy.sum(0)\n"
     "return Params(Table(token / np.maximum(count, 1)[:, None]), Table(position))",
     "the places of a token are averaged"),
    (EMB, "np.add.at(token, tokens, dy)\nposition[:T] = dy[0]\n"
     "return Params(Table(token), Table(position))", "only the first one is counted (EMB-3)"),
    (EMB, "np.add.at(token, tokens, dy)\nposition[:T] = dy.sum(0)\n"
     "return Params(Table(position), Table(token))", "in another order"),
    (EMB, "np.add.at(token, tokens, dy)\nreturn Params(Table(token), Table(position))",
     "the line dposition[:T] = dy.sum(0) is left out"),
    (EMB, "np.add.at(token, tokens, dy * np.sqrt(C))\nposition[:T] = dy.sum(0)\n"
     "return Params(Table(token), Table(position))", "times sqrt(C)"),
    (NORM, "return rstd * d, Params(dw, db)", "both paths"),
    (NORM, "return rstd * (d - mean(d)), Params(dw, db)",
     "the path through the variance is left out"),
    (NORM, "return rstd * (d - xhat * mean(d * xhat)), Params(dw, db)",
     "the path through the mean is left out (LN-8)"),
    (NORM, "return rstd * (d - total(d) - xhat * total(d * xhat)), Params(dw, db)",
     "both means over the channels are taken as sums"),
    (NORM, "return (d - mean(d) - xhat * mean(d * xhat)), Params(dw, db)", "by rstd too (LN-8)"),
    (NORM, "return rstd * (dy - mean(dy) - xhat * mean(dy * xhat)), Params(dw, db)", "(LN-7)"),
    (NORM, "return rstd * (d - d.mean(axes) - xhat * (d * xhat).mean(axes)), Params(dw, db)",
     "as in batch normalization"),
    (NORM, "return rstd * (d - d.mean(0) - xhat * (d * xhat).mean(0)), Params(dw, db)",
     "as in batch normalization"),
    (NORM, "return rstd * (d - mean(d) - xhat * total(d * xhat) / max(N - 1, 1)), Params(dw, db)",
     "divides by C - 1"),
    (NORM, "dvar = total(d * xhat / rstd) * -0.5 * rstd**2\n"
     "dx = d * rstd + dvar * 2 * xhat / rstd / N - mean(d) * rstd\nreturn dx, Params(dw, db)",
     "one rstd too few"),
    (NORM, "dvar = total(d * xhat / rstd) * -0.5 * rstd**3\n"
     "dx = d * rstd + dvar * xhat / rstd / N - mean(d) * rstd\nreturn dx, Params(dw, db)",
     "is halved"),
    (NORM, "return dx, Params(dw.mean() + 0 * dw, db)", None),
    (NORM, "return dx, Params((dy * xhat).sum(0), db)",
     "dy * xhat is summed over its first axis only"),
    (NORM, "return dx, Params((dy * xhat).sum(-1), dy.sum(-1))",
     "over the channels, not over the rows"),
    (NORM, "return dx, Params(db, dw)", "in another order"),
    (NORM, "return dx, Params((d * xhat).sum(axes), d.sum(axes))", "doesn't hold gamma"),
    (NORM, "return dx, Params((dy * xhat).mean(axes), dy.mean(axes))", "(LN-5"),
    (NORM, "return dx.astype(np.float32).astype(float), Params(dw, db)", "float32"),
    (NORM, "return rstd * (d + mean(d) - xhat * mean(d * xhat)), Params(dw, db)", "(LN-8)"),
    (GELU, "return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2))", "the inner derivative"),
    (GELU, "return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t) * du)", "tanh is not squared"),
    (GELU, "return dy * (0.5 * (1 + t) + 0.5 * x / np.cosh(u) * du)", "sech is not squared"),
    (GELU, "return dy * (0.5 * (1 + t) + x * (1 - t**2) * du)", "1/2 of x/2 (1 + tanh) is missing"),
    (GELU, "return dy * 0.5 * (1 + t)", "the gate depends on x as well"),
    (GELU, "return dy * (x > 0)", "the slope of ReLU"),
    (GELU, "from math import erf\nE = np.vectorize(erf)\n"
     "return dy * (0.5 * (1 + E(x / np.sqrt(2))) "
     "+ x * np.exp(-x**2 / 2) / np.sqrt(2 * np.pi))", "the exact GELU"),
    (GELU, "g = 1 / (1 + np.exp(-1.702 * x))\nreturn dy * (g + 1.702 * x * g * (1 - g))",
     "quick GELU"),
    (GELU, "return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du", "not multiplied by dy"),
    (GELU, "return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * s * (1 + 0.044715 * x**2))",
     "the 3 is missing"),
    (GELU, "return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * s)", "slope of the cubic"),
    (GELU, "return dy * (0.5 * (1 + t) - 0.5 * x * (1 - t**2) * du)",
     "the sign of the result of GELU-5"),
    (GELU, "return dy * 0.5 * x * (1 + t)", "the value of GELU"),
    (SOFT, "return y * dy", "only the numerator"),
    (SOFT, "return y * (1 - y) * dy", "only the diagonal"),
    (SOFT, "return y - dy", "what cross-entropy does"),
    (SOFT, "return y * (dy - dy.sum(-1, keepdims=True))", "the sum of dy * y, not of dy"),
    (SOFT, "return y * (dy - (dy * y).sum(-2, keepdims=True))", "the wrong axis"),
    (SOFT, "return y * (dy - (dy * y).sum())", "the whole array"),
    (SOFT, "return dy - (dy * y).sum(-1, keepdims=True)", "the outer y is lost"),
    (SOFT, "return y * dy - (dy * y).sum(-1, keepdims=True)", "the outer y is lost in the second"),
    (SOFT, "return y * (dy - (dy * y).mean(-1, keepdims=True))", "not its mean"),
    (SOFT, "return y * ((dy * y).sum(-1, keepdims=True) - dy)", "the sign"),
    (SOFT, "return y * (1 - y)", "dy is not in it"),
    (SOFT, "J = np.einsum('...i,...j->...ij', y, y)\n"
     "return np.einsum('...ij,...j->...i', -J, dy)", "(SM-5)"),
    (SOFT, "return dy", "it is dy itself"),
    (SOFT, "return y * (dy - (dy * y).max(-1, keepdims=True))", None),
    (DROP, "return dy", "dy is passed on as it is"),
    (DROP, "return dy * ~keep / (1 - rate)", "the mask is inverted"),
    (DROP, "return dy * (np.random.rand(*dy.shape) >= rate) / (1 - rate)", "drawn anew (DROP-2)"),
    (DROP, "return dy * keep / rate", "divided by the rate"),
    (DROP, "return dy * keep", "the kept entries were scaled up"),
    (DROP, "return dy / (1 - rate)", "the mask is ignored"),
    (DROP, "return dy * keep * (1 - rate)", "multiplied by 1 - rate"),
    (DROP, "return keep / (1 - rate)", "(DROP-2)"),
    (DROP, "return np.where(keep, dy / (1 - rate), dy)",
     "it is right but where the right one is 0"),
    (DROP, "return dy * keep / (1 - rate) ** 2", "(DROP-2)"),
    (LOSS, "return dloss * (p - one) * m", "by the number of counted targets"),
    (LOSS, "return dloss * (p - one) / n", "a target that is ignored must get no gradient"),
    (LOSS, "return dloss * (p - one) * m / counted.size", "the number of all targets"),
    (LOSS, "return dloss * (p - one) / counted.size", "counted as if they were"),
    (LOSS, "return dloss * (one - p) * m / n", "sign"),
    (LOSS, "return -dloss * one / p * m / n", "the Jacobian of the softmax is missing"),
    (LOSS, "g = -(dloss / n) * one / p * m\nreturn p * (g - (g * p).sum(-1, keepdims=True))",
     "NaN or infinity, first at B = 1, T = 3, V = 3 with rows of [0.0, 800.0, 3.0]"),
    (LOSS, "return dloss * p * m / n", "softmax alone is not the gradient"),
    (LOSS, "return dloss * (p - 1) * one * m / n", "only the target's logit"),
    (LOSS, "return dloss * (p - 1) * m / n", "it belongs to the target's alone"),
    (LOSS, "return (p - one) * m / n", "dloss, is not multiplied in"),
    (LOSS, "return dloss * (p - one) * m / len(p)", "divided by B"),
    (LOSS, "g = dloss * (p - one) * m / n\nreturn p * (g - (g * p).sum(-1, keepdims=True))",
     "taken twice"),
    (MLP, "dh = da * (h > 0)\n"
     "return dh @ cache.up.weight, Params(linear.Params(flat(dh).T @ flat(x), "
     "flat(dh).sum(0)), ddown)", "that of ReLU"),
    (MLP, "dh = gelu.backward(da, gelu.forward(a)[1])\ndx, dup = linear.backward(dh, cache.up)\n"
     "return dx, Params(dup, ddown)", "at its output a"),
    (MLP, "dx, dup = linear.backward(da, cache.up)\nreturn dx, Params(dup, ddown)",
     "the slope of the GELU is left out"),
    (MLP, "dh = gelu.backward(da, cache.gelu)\ndx, dup = linear.backward(dh, cache.up)\n"
     "return dx, Params(ddown, dup)", "in another order"),
    (MLP, "dh = gelu.backward(da, cache.gelu)\ndx, dup = linear.backward(dh, cache.up)\n"
     "return dx, Params(dup._replace(bias=flat(dh).mean(0)), ddown)", "over them, not the mean"),
    (MLP, "dh = gelu.backward(da, cache.gelu)\ndx, dup = linear.backward(dh, cache.up)\n"
     "return dx, Params(dup, ddown._replace(weight=flat(dy).T @ flat(h)))", "the down layer's gradient uses h"),
    (MLP, "dh = da * a\ndx, dup = linear.backward(dh, cache.up)\nreturn dx, Params(dup, ddown)",
     "the value of the GELU"),
    (ATT, "return finish(dq * np.sqrt(D), dk * np.sqrt(D), dv)",
     "1 / sqrt(D) is left out (ATT-16)"),
    (ATT, "return finish(dq / np.sqrt(D), dk / np.sqrt(D), dv)", "divided by D, not by sqrt(D)"),
    (ATT, "return finish(dq, dS @ q, dv)", "the key's gradient is left untransposed"),
    (ATT, "return finish(dk, dq, dv)", "in the order k, q, v"),
    (ATT, "return finish(dq, dk, P.swapaxes(-1, -2) @ dm)", "ignores the dropout mask"),
    (ATT, "return finish(dq, 2 * dk, dv)", "only its third for k is off"),
    (ATT, "dq[:, 1:] = 0\nreturn finish(dq, dk, dv)", "only its third for q is off"),
    (ATT, "dS = P * dP / np.sqrt(D)\nreturn finish(dS @ k, dS.swapaxes(-1, -2) @ q, dv)",
     "only the numerator is differentiated"),
    (ATT, "dS = dP / np.sqrt(D)\nreturn finish(dS @ k, dS.swapaxes(-1, -2) @ q, dv)",
     "the softmax's own gradient is left out"),
    (ATT, "dqkv = np.concatenate([g.reshape(B, T, -1) for g in (dq, dk, dv)], -1)\n"
     "dx, p = linear.backward(dqkv, cache.qkv)\nreturn dx, Params(p, dproj)", "side by side"),
    (ATT, "return finish(dq, dk * np.sqrt(D), dv)", "left out of the key's gradient"),
    (FLASH, "return dS @ k, dS.swapaxes(-1, -2) @ q, dv", "1 / sqrt(D) is left out"),
    (FLASH, "P = np.exp(S - lse)\ndS = P * (dP - delta) / np.sqrt(D)\n"
     "return dS @ k, dS.swapaxes(-1, -2) @ q, P.swapaxes(-1, -2) @ dy",
     "the causal mask is missing"),
    (FLASH, "dS = dS / np.sqrt(D)\nreturn dS @ k, dS @ q, dv", "left untransposed"),
    (FLASH, "dS = P * dP / np.sqrt(D)\nreturn dS @ k, dS.swapaxes(-1, -2) @ q, dv",
     "only the numerator"),
    (FLASH, "dS = dS / np.sqrt(D)\nreturn dS.swapaxes(-1, -2) @ q, dS @ k, dv", "in another order"),
    (FLASH, "dS = dS / np.sqrt(D)\nreturn dS @ k, dS.swapaxes(-1, -2) @ q, P @ dy",
     "the weights untransposed"),
    (FLASH, "dS = dS / D\nreturn dS @ k, dS.swapaxes(-1, -2) @ q, dv",
     "scaled by 1 / sqrt(D) twice"),
    (BLOCK, "dr, dn2 = layer_norm.backward(dm, cache.norm_2)\n"
     "dn, da = attention.backward(dr, cache.attention)\n"
     "dx, dn1 = layer_norm.backward(dn, cache.norm_1)\nreturn dx, Params(dn1, da, dn2, dmlp)",
     "both residual paths"),
    (BLOCK, "dr, dn2 = layer_norm.backward(dm, cache.norm_2)\ndr = dr + dy\n"
     "dn, da = attention.backward(dr, cache.attention)\n"
     "dx, dn1 = layer_norm.backward(dn, cache.norm_1)\nreturn dx, Params(dn1, da, dn2, dmlp)",
     "the residual path around the attention is left out"),
    (BLOCK, "dr, dn2 = layer_norm.backward(dm, cache.norm_2)\ndr = dr + dy\n"
     "dn, da = attention.backward(dr, cache.attention)\n"
     "dx, dn1 = layer_norm.backward(dn, cache.norm_1)\nreturn dx + dy, Params(dn1, da, dn2, dmlp)",
     "(BLK-10)"),
    (BLOCK, "dm, dn2 = layer_norm.backward(dy, cache.norm_2)\n"
     "df, dmlp = mlp.backward(dm, cache.mlp)\n"
     "dr = dm + df\ndn, dn1 = layer_norm.backward(dr, cache.norm_1)\n"
     "da, dattention = attention.backward(dn, cache.attention)\n"
     "return dn + da, Params(dn1, dattention, dn2, dmlp)", "post-norm"),
    (BLOCK, "dr, dn2 = layer_norm.backward(dm, cache.norm_2)\ndr = dr + dy\n"
     "dn, da = attention.backward(dr, cache.attention)\n"
     "dx, dn1 = layer_norm.backward(dn, cache.norm_1)\nreturn dx + dr, Params(dn2, da, dn1, dmlp)",
     "in another order"),
    (RMS, "return rrms * d, Params(dw)", "through the root mean square is left out (RMS-6)"),
    (RMS, "return rrms * (d - mean(d) - xhat * mean(d * xhat)), Params(dw)",
     "the backward of layer normalization"),
    (RMS, "return rrms * (d - xhat * C * mean(d * xhat)), Params(dw)",
     "the sum over the channels is taken, not the mean"),
    (RMS, "return d - xhat * mean(d * xhat), Params(dw)", "multiplied by rrms too"),
    (RMS, "return rrms * (dy - xhat * mean(dy * xhat)), Params(dw)", "gamma is left out"),
    (RMS, "return rrms * d - xhat * mean(d * xhat), Params(dw)", "one rrms too few"),
    (RMS, "return rrms * (d - xhat * (d * xhat).mean(axes)), Params(dw)", "over the rows"),
    (RMS, "return dx, Params(dy.sum(axes))", "gamma is multiplied by xhat"),
    (RMS, "return dx, Params((d * xhat).sum(axes))", "doesn't hold gamma"),
    (RMS, "return dx, Params((dy * xhat).mean(axes))", "don't average (RMS-4)"),
    (RMS, "return rrms * (d + xhat * mean(d * xhat)), Params(dw)", "the sign of"),
    (ROPE, "return np.concatenate((da * cos - db * sin, db * cos + da * sin), -1)",
     "it turns further"),
    (ROPE, "return dy", "it has to be turned back (ROPE-3)"),
    (ROPE, "return np.concatenate((da * cos, db * cos), -1)", "only the diagonal"),
    (ROPE, "a, b = dy[..., ::2], dy[..., 1::2]\n"
     "return np.stack((a * cos + b * sin, b * cos - a * sin), -1).reshape(shape)",
     "channels 2 i and 2 i + 1"),
    (ROPE, "return np.concatenate((db * cos - da * sin, da * cos + db * sin), -1)",
     "in the wrong order"),
    (ROPE, "return np.concatenate((da * sin + db * cos, db * sin - da * cos), -1)",
     "sine and cosine have changed places"),
    (ROPE, "return np.concatenate((da * cos + db * sin, da * sin + db * cos), -1)",
     "the sign of da * sin"),
    (ROPE, "return np.concatenate((da * cos - db * sin, db * cos - da * sin), -1)",
     "the sign of db * sin"),
    (GATED, "return finish(dh * u * s, dh * g * s)", "depends on g as well"),
    (GATED, "return finish(dh * u * s * (1 - s), dh * g * s)", "of the logistic function, not of"),
    (GATED, "return finish(dh * slope, dh * g * s)", "u, is a factor of the gate's"),
    (GATED, "return finish(dh * u * slope, dh * s)", "multiplied by s alone"),
    (GATED, "return finish(dh * u * (g > 0), dh * g * s)", "the slope is that of ReLU"),
    (GATED, "return finish(dh * u * g * s, dh * g * s)", "the value of SiLU"),
    (GATED, "return finish(dh * u * s * (1 + (1 - s)), dh * g * s)", "the g in it is missing"),
    (GATED, "dx, dp = finish(dh * u * slope, dh * g * s)\n"
     "return ((dh * u * slope) @ Wg).reshape(x.shape), dp", "the path through up is left out"),
    (GATED, "dx, (a, b, c) = finish(dh * u * slope, dh * g * s)\nreturn dx, Params(b, a, c)",
     "in another order"),
    (GROUPED, "return finish(*back(dq, dks[:, :, 0]), dvs[:, :, 0])", "only the first one is counted"),
    (GROUPED, "return finish(*back(dq, dks.mean(2)), dvs.mean(2))", "sum over them, don't average"),
    (GROUPED, "return finish(*back(dq, dks.mean(2)), dvs.sum(2))", "the keys serve all heads"),
    (GROUPED, "return finish(*back(dq, dks.sum(2)), dvs.mean(2))", "the values serve all heads"),
    (GROUPED, "return finish(dq, dks.sum(2), dvs.sum(2))", "their gradients are not turned back"),
    (GROUPED, "return finish(dq, back(dq, dks.sum(2))[1], dvs.sum(2))",
     "queries were turned, and their gradient is not"),
    (GROUPED, "s = np.sqrt(D)\nreturn finish(*back(s * dq, s * dks.sum(2)), dvs.sum(2))",
     "1 / sqrt(D) is left out"),
    (GROUPED, "dks = dS @ Q\nreturn finish(*back(dq, dks.sum(2)), dvs.sum(2))",
     "left untransposed"),
    (GROUPED, "dv = rope.backward(dvs.sum(2), cache.rope_k)\n"
     "return finish(*back(dq, dks.sum(2)), dv)", "the values were not turned"),
    (AO, AO_BLOCKS.replace("dx + dx_branch", "dx_branch") + AO_TABLE,
     "the residual path around the attention is left out"),
    (AO, AO_BLOCKS.replace("dx + dx_branch", "layer_norm.backward(dx + dn, norm_1)[0]") + AO_TABLE,
     "starts after the norm"),
    (AO, AO_BLOCKS + AO_TABLE.replace(" + dhead", ""), "what reaches it from the logits is left out"),
    (AO, AO_BLOCKS + AO_TABLE.replace("dembedding.token.weight + ", ""),
     "what reaches it through the blocks is left out"),
    ("megabyte", "return finish(near.reshape(like) + dg.reshape(like))",
     "the shift by a patch is not undone"),
    ("megabyte", "return finish(dy.reshape(like) + far.reshape(like))",
     "the shift by a byte is not undone"),
    ("megabyte", "return finish(near.reshape(like))", "read by the global model as well"),
    ("megabyte", "return finish(far.reshape(like))", "read by the local model as well"),
    ("megabyte", "return finish(near.reshape(like) + far.reshape(like), dy[0, 0])",
     "before every patch of every text"),
    (CLIP, "out = abs(ratio - 1) > eps\nreturn np.where(out, 0, -A * ratio) * dloss / N",
     "the clip is one-sided"),
    (CLIP, "return -A * ratio * dloss / N", "the clip is left out"),
    (CLIP, "return np.where(ratio > 1 + eps, 0, -A * ratio) * dloss / N",
     "for A < 0 the clip holds below"),
    (CLIP, "out = np.where(A > 0, ratio < 1 - eps, ratio > 1 + eps)\n"
     "return np.where(out, 0, -A * ratio) * dloss / N", "the sides of the clip are exchanged"),
    (CLIP, "return -A * np.clip(ratio, 1 - eps, 1 + eps) * dloss / N", "its slope is 0"),
    (CLIP, "return np.where(out, 0, -A) * dloss / N", "the ratio itself"),
    (CLIP, "return np.where(out, 0, A * ratio) * dloss / N", "the sign is flipped"),
    (CLIP, "return np.where(out, 0, -A * ratio) * dloss", "too large by the number of answers"),
    (CLIP, "return np.where(out, 0, -A * ratio) / N", "dloss, is not multiplied in"),
    (CLIP, "return 0 * ratio", "not frozen"),
    (CLIP, "return np.where(out, 0, -A * ratio) * dloss / max((~out).sum(), 1)",
     "over all answers"),
    ("sequence_logp", "return g * (one - p)", "such as the prompt's, get a gradient"),
    ("sequence_logp", "return g * m * (p - one)", "the sign"),
    ("sequence_logp", "return g * m * (one - p) / np.maximum(m.sum(1, keepdims=True), 1)",
     "a sum over its tokens, not a mean"),
    ("sequence_logp", "return g * m * one * (1 - p)", "every logit of the row"),
    ("sequence_logp", "return g * m * one / p", "the Jacobian of the softmax is missing"),
    ("dpo", "return 0 * u, 0 * u", "it is a constant"),
    ("dpo", "return -beta * (1 - s) * dloss / n, beta * (1 - s) * dloss / n", "is to pull less"),
    ("dpo", "d = -beta * s * (1 - s) * dloss / n\nreturn d, -d", "it is the slope of sigmoid(u)"),
    ("dpo", "return beta * s * dloss / n, -beta * s * dloss / n", "the sign of the result of DPO-3 is flipped"),
    ("dpo", "return -s * dloss / n, s * dloss / n", "beta"),
    ("lora", "return dy @ W, Params(da, db)", "through the frozen weight alone"),
    ("lora", "return s * (dy @ b) @ a, Params(da, db)", "through the adapter alone"),
    ("lora", "return dx, Params(da / s, db)", "the scale"),
    ("lora", "return dx, Params(da, db / s)", "scale"),
    ("lora", "return dx, Params(da, s * h.T @ DY)", "B is (O, R)"),
    ("lora", "return dx, Params(0 * da, db)", "its own is 0 only while B is"),
    ("lora", "return dx, Params(da / len(X), db / len(X))", "sum over the rows, not the mean"),
    ("lora", "g = DY.T @ X\nreturn dx, Params(b.T @ g, g @ a.T)", "scale"),
    ("kto", "d = -w * sign * beta * s * (1 - s) * dloss / n\nreturn d - d.mean()", "through z0"),
    ("kto", "return -w * sign * beta * (1 - s) * dloss / n", "as DPO has it"),
    ("kto", "return -w * sign * beta * s * dloss / n", "one factor is missing"),
    ("kto", "return -sign * beta * s * (1 - s) * dloss / n", "the weights of the texts"),
    ("kto", "return -w * beta * s * (1 - s) * dloss / n", "sign"),
    ("simpo", "return -beta * s * dloss / n, beta * s * dloss / n", "as if it were DPO's u"),
    ("simpo", "return -beta * s * dloss / n / c, beta * s * dloss / n / a",
     "the other one's length"),
    ("simpo", "d = -beta * (1 - s) * dloss / n\nreturn d / a, -d / c", "is to pull less"),
    ("simpo", "d = beta * s * dloss / n\nreturn d / a, -d / c", "the sign"),
    ("scaling_law", "return dy @ np.stack([s, s * n, b, b * d, e, z], -1)", "wrong sign"),
    ("scaling_law", "return dy @ np.stack([s, -s, b, -b, e, z], -1)", "lacks the logarithm"),
    ("scaling_law", "return dy @ np.stack([b, -b * d, s, -s * n, e, z], -1)", "are exchanged"),
    ("scaling_law", "return dy @ np.stack([*(x / g for x in right), z], -1)", "the factor gamma"),
    ("scaling_law", "return (dy * np.exp(g * z)) @ np.stack([*right, z], -1)", "slopes of the loss"),
    (LLAMA, "return finish(ds)", "both residual paths"),
    (LLAMA, "return finish(ds + dy)", "the residual path around the attention is left out"),
    (LLAMA, "dx, p = finish(ds)\nreturn dx + ds, p",
     "the residual path around the MLP is left out"),
    (LLAMA, "dx, p = finish(dy)\nreturn dx + dy + ds, p",
     "what attention adds goes through the MLP as well"),
    (LLAMA, "dx, p = finish(ds + dy)\nreturn dx + dy, p", "not dy alone (LB-10)"),
    (LLAMA, "dx, p = finish(dy)\nreturn dx + dy, p", "the path through the MLP is left out"),
    (LLAMA, "dx, p = finish(ds + dy)\nreturn dx + ds + dy, p._replace(norm_1=p.norm_2)",
     "both norms are those of the second"),
    (LLAMA, "dm, dn2 = norm(dy, cache.norm_2)\ndf, dmlp = swiglu.backward(dm, cache.mlp)\n"
     "dr = dm + df\ndn, dn1 = norm(dr, cache.norm_1)\nda, dw = attend(dn, cache.attention)\n"
     "return dn + da, Params(dn1, dw, dn2, dmlp)", "post-norm"),
    (SKIP, "E[a] += dw\nF[o] += du * w\nF[r] += ds * w[:, None]\nreturn Params(Table(E), Table(F))",
     "the last of its pairs only"),
    (SKIP, "np.add.at(E, a, dw)\nnp.add.at(F, o, du * w)\nF[r] = ds * w[:, None]\n"
     "return Params(Table(E), Table(F))", None),
    (SKIP, "ds = -n * sigma(-s)[..., None]\n"
     "return finish(du * c + (ds * q).sum(1), du * w, ds * w[:, None])", "are pulled as well"),
    (SKIP, "return finish(du * c, du * w, ds * w[:, None])", "the drawn words push the word"),
    (SKIP, "return finish(dw, du * w, 0 * q)", "the drawn words are contexts, too"),
    (SKIP, "return finish(-dw, -du * w, -ds * w[:, None])", "the sign"),
    (SKIP, "du, ds = -n * sigma(u)[:, None], n * sigma(-s)[..., None]\n"
     "return finish(du * c + (ds * q).sum(1), du * w, ds * w[:, None])",
     "what is told right already is to pull less"),
]
