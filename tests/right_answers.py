"""Right answers in other styles than ours: loops, einsum, lists, dicts, other cancellations.

An answer is (layer, the lines after those of BEGIN in wrong_answers.py).
"""

RIGHT_ANSWERS = [
    ("linear", "return np.einsum('oi,...o->...i', weight, dy), "
     "[np.einsum('bto,bti->oi', dy, x), np.einsum('bto->o', dy)]"),
    ("linear", "dw = np.zeros_like(weight)\nfor g, r in zip(dys, rows):\n    dw += np.outer(g, r)\n"
     "return np.dot(dy, weight), {'weight': dw, 'bias': sum(dys)}"),
    ("linear", "return np.tensordot(dy, weight, 1), np.tensordot(dy, x, ([0, 1], [0, 1])), "
     "np.ones(len(dys)) @ dys"),
    ("linear", "return dy @ weight, Params((rows.T @ dys).T, dy.sum(1).sum(0))"),
    ("embedding", "for i in np.ndindex(tokens.shape):\n    token[tokens[i]] += dy[i]\n"
     "    position[i[1]] += dy[i]\nreturn token, position"),
    ("embedding", "one = np.eye(V)[tokens]\nwhere = np.eye(S)[:T]\n"
     "return {'token': np.tensordot(one, dy, 2 * [[0, 1]]), 'position': where.T @ dy.sum(0)}"),
    ("layer_norm", "return rstd * (d - mean(d) - xhat * mean(d * xhat)), [dw, db]"),
    ("layer_norm", "dvar = total(d * xhat / rstd) * -0.5 * rstd**3\n"
     "dmu = -rstd * total(d) - dvar * 2 * mean(xhat / rstd)\n"
     "return d * rstd + dvar * 2 * xhat / rstd / N + dmu / N, Params(dw, db)"),
    ("layer_norm", "I = np.eye(N)\nJ = rstd[..., None] * (I - 1 / N - xhat[..., :, None] "
     "* xhat[..., None, :] / N)\nreturn np.einsum('btij,btj->bti', J, d), Params(dw, db)"),
    ("gelu", "return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du)"),
    ("gelu", "return 0.5 * dy * ((1 + t) + x * du / np.cosh(u)**2)"),
    ("gelu", "g = 1 / (1 + np.exp(-2 * u))\nreturn (g + 2 * x * g * (1 - g) * du) * dy"),
    ("softmax", "return dy * y - y * np.sum(dy * y, axis=-1, keepdims=True)"),
    ("softmax", "out = np.empty_like(y)\nfor i in np.ndindex(y.shape[:-1]):\n"
     "    out[i] = (np.diag(y[i]) - np.outer(y[i], y[i])) @ dy[i]\nreturn out"),
    ("softmax", "return y * (dy - np.einsum('...i,...i->...', dy, y)[..., None])"),
    ("dropout", "return np.where(keep, dy, 0) / (1 - rate)"),
    ("dropout", "dx = dy.copy()\ndx[~keep] = 0\nreturn dx * (1 / (1 - rate))"),
    ("dropout", "return [(keep.astype(np.float64) * (1 / (1 - rate)) * dy)]"),
    ("cross_entropy", "return dloss * (p - one) * m / n"),
    ("cross_entropy", "g = p.copy().reshape(-1, V)\ng[np.arange(len(g)), t.ravel()] -= 1\n"
     "g[~counted.ravel()] = 0\nreturn (g * (dloss / n)).reshape(p.shape)"),
    ("mlp", "dh = gelu.backward(da, cache.gelu)\n"
     "return dh @ cache.up.weight, {'up': [flat(dh).T @ flat(x), flat(dh).sum(0)], 'down': ddown}"),
    ("attention", "return finish(dq, dk, dv)"),
    ("attention", "dk = np.einsum('bhij,bhid->bhjd', dS, q)\nreturn finish(dq, dk, dv)"),
    ("flash_attention", "dS = dS / np.sqrt(D)\n"
     "return [dS @ k, np.einsum('bhij,bhid->bhjd', dS, q), dv]"),
    ("block", "dr, dn2 = layer_norm.backward(dm, cache.norm_2)\ndr = dr + dy\n"
     "dn, da = attention.backward(dr, cache.attention)\n"
     "dx, dn1 = layer_norm.backward(dn, cache.norm_1)\nreturn dx + dr, (dn1, da, dn2, dmlp)"),
    ("rms_norm", "r = rrms\nx = xhat / r\n"
     "return r * d - r**3 * x * (d * x).sum(-1, keepdims=True) / C, [dw]"),
    ("rms_norm", "J = rrms[..., None] * (np.eye(C) - xhat[..., :, None] * xhat[..., None, :] / C)\n"
     "return np.einsum('btij,btj->bti', J, d), {'weight': dw}"),
    ("rope", "z = (da + 1j * db) * (cos - 1j * sin)\nreturn np.concatenate((z.real, z.imag), -1)"),
    ("rope", "c, s = np.tile(cos, 2), np.tile(sin, 2)\n"
     "return dy * c + np.concatenate((db, -da), -1) * s"),
    ("swiglu", "return finish(dh * u * (s + h / np.where(u == 0, 1, u) * (1 - s)), dh * g * s)"),
    ("swiglu", "dx, (a, b, c) = finish(dh * u * slope, dh * g * s)\n"
     "return dx, {'gate': a, 'up': b, 'down': [c.weight]}"),
    ("grouped_attention", "dk = np.einsum('bkgtu,bkgtd->bkud', dS, Q)\n"
     "return finish(*back(dq, dk), np.einsum('bkgtu,bkgtd->bkud', P, dm))"),
    ("attention_only", "found = [None] * len(cache.blocks)\n"
     "for i in range(len(found) - 1, -1, -1):\n"
     "    n, a = cache.blocks[i]\n    dn, da = attention.backward(dx, a)\n"
     "    back, dnorm_1 = layer_norm.backward(dn, n)\n    dx = back + dx\n"
     "    found[i] = (dnorm_1, da)\n"
     "tokens = cache.embedding.tokens\n"
     "np.add.at(dhead, tokens.reshape(-1), dx.reshape(-1, C))\n"
     "position = np.zeros((cache.embedding.block_size, C))\n"
     "position[:tokens.shape[1]] = dx.sum(0)\nreturn ((dhead,), (position,)), found, dnorm"),
    ("clipped_surrogate", "return np.where(out, 0, -A * ratio) * dloss / N"),
    ("clipped_surrogate", "free, held = A * ratio, A * np.clip(ratio, 1 - eps, 1 + eps)\n"
     "return [(free <= held) * free * (-dloss / N)]"),
    ("clipped_surrogate", "g = np.zeros_like(A)\nfor n in range(N):\n"
     "    if not (A[n] > 0 and ratio[n] > 1 + eps or A[n] <= 0 and ratio[n] < 1 - eps):\n"
     "        g[n] = -A[n] * ratio[n] * dloss / N\nreturn g"),
    ("sequence_logp", "return np.where(m, g * (one - p), 0)"),
    ("sequence_logp", "d = np.zeros_like(p)\nfor i in zip(*counted.nonzero()):\n"
     "    d[i] = dlogp[i[0]] * (one[i] - p[i])\nreturn d"),
    ("dpo", "return (-beta * dloss * s / n, beta * dloss * s / n)"),
    ("lora", "g = DY.T @ X\nreturn dy @ (W + s * b @ a), Params(s * b.T @ g, s * g @ a.T)"),
    ("lora", "return np.einsum('oi,...o->...i', W + s * b @ a, dy), "
     "{'b': s * np.einsum('bto,bti,ri->or', dy, x, a), 'a': da}"),
    ("kto", "return dloss / n * beta * np.where(sign > 0, -w, w) * s * (1 - s)"),
    ("simpo", "g = dloss * s * -beta / n\nreturn g / a, -g / c"),
    ("megabyte", "dx = np.zeros(like)\nhere, there = dy.reshape(like), dg.reshape(like)\n"
     "for t in range(T):\n    if (t + 1) % M:\n        dx[:, t] += here[:, t + 1]\n"
     "    if t + M < T:\n        dx[:, t] += there[:, t + M]\nreturn finish(dx)"),
    ("scaling_law", "return np.array([(dy * one).sum() for one in (*right, z)])"),
    ("llama_block", "dr = dy + ds\ndx, p = finish(dr)\nreturn [dr + dx, p]"),
    ("skip_gram", "return finish(dw, du * w, ds * w[:, None])"),
    ("skip_gram", "one = np.eye(len(E))\n"
     "return [one[a].T @ dw, one[o].T @ (du * w) + np.tensordot(one[r], ds * w[:, None], 2 * [[0, 1]])]"),
]
