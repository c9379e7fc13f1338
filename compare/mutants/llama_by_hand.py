"""The same for the layers of the llama family: what people do to them by hand, and what some edits
mean. Read by by_hand.py and known.py."""

SCORES = "q.reshape(groups.shape) @ k[:, :, None].swapaxes(-1, -2) / math.sqrt(q.shape[-1])"
LLAMA_HAND_MADE = [
    ("rms_norm", "the mean of dxhat is taken away as well",
     {"RMS-6": "dx = rrms * (dxhat - dxhat.mean(-1, keepdims=True) "
               "- xhat * row_dot(dxhat, xhat) / xhat.shape[-1])"},
     "this is the backward of layer normalization: here no mean is subtracted"),
    ("rms_norm", "the second term is halved",
     {"RMS-6": "dx = rrms * (dxhat - xhat * row_dot(dxhat, xhat) / xhat.shape[-1] / 2)"},
     "the path through the root mean square is halved: the slope of x^2 has a factor 2"),
    ("rms_norm", "the second term is doubled",
     {"RMS-6": "dx = rrms * (dxhat - 2 * xhat * row_dot(dxhat, xhat) / xhat.shape[-1])"},
     "the path through the root mean square is doubled: the slope of 1 / sqrt has a factor 1/2"),
    ("rms_norm", "the second term is divided by rrms",
     {"RMS-6": "dx = rrms * dxhat - xhat * row_dot(dxhat, xhat) / xhat.shape[-1]"},
     "the path through the root mean square has one rrms too few: its slope has rrms^3"),
    ("rms_norm", "the second term is multiplied by rrms",
     {"RMS-6": "dx = rrms * (dxhat - rrms * xhat * row_dot(dxhat, xhat) / xhat.shape[-1])"},
     "the path through the root mean square has one rrms too many"),
    ("rms_norm", "the mean is over the rows",
     {"RMS-6": "dx = rrms * (dxhat - xhat * (dxhat * xhat).mean((0, 1)))"},
     "the mean runs over the rows, not over the channels"),
    ("rms_norm", "weight is a factor of dweight",
     {"RMS-4": "dweight = sum_over_rows(dy * weight * xhat)"},
     "gamma's gradient doesn't hold gamma: it is the sum of dy * xhat"),
    ("rms_norm", "xhat / rrms stands in place of xhat",
     {"RMS-4": "dweight = sum_over_rows(dy * (xhat / rrms))"},
     "gamma multiplies xhat, not x: the division by the root mean square is missing"),
    ("rms_norm", "dy * xhat is summed over the channels",
     {"RMS-4": "dweight = (dy * xhat).sum(-1)"},
     "gamma's gradient is summed over the channels, not over the rows"),
    ("rms_norm", "dy * xhat is not summed", {"RMS-4": "dweight = dy * xhat"},
     "the sum over the rows is missing: every row uses the same gamma"),
    ("rope", "it turns forward",
     {"ROPE-3": "return np.concatenate((da * cos - db * sin, db * cos + da * sin), -1)"},
     "it turns further, by the angle of the forward, not back"),
    ("rope", "it is dy", {"ROPE-3": "return dy.copy()"},
     "dy is passed on as it is: it has to be turned back"),
    ("rope", "only the cosines are left",
     {"ROPE-3": "return np.concatenate((da * cos, db * cos), -1)"},
     "only the diagonal of the rotation is kept: each output holds both numbers of its pair"),
    ("rope", "neighbours are turned", {
        "ROPE-3": "even, odd = dy[..., ::2], dy[..., 1::2]\n"
                  "turned = even * cos + odd * sin, odd * cos - even * sin\n"
                  "return np.stack(turned, -1).reshape(dy.shape)"},
     "channels 2 i and 2 i + 1 are turned: here a pair is i and i + D / 2"),
    ("rope", "neighbours are split, and the halves put together", {
        "ROPE-3": "even, odd = dy[..., ::2], dy[..., 1::2]\n"
                  "return np.concatenate((even * cos + odd * sin, odd * cos - even * sin), -1)"},
     "the pairs are taken from channels 2 i and 2 i + 1: here a pair is i and i + D / 2"),
    ("rope", "the halves change places",
     {"ROPE-3": "return np.concatenate((db * cos - da * sin, da * cos + db * sin), -1)"},
     "the halves are put together in the wrong order"),
    ("rope", "sine and cosine are exchanged",
     {"ROPE-3": "return np.concatenate((da * sin + db * cos, db * sin - da * cos), -1)"},
     "sine and cosine have changed places"),
    ("swiglu", "the slope is that of the logistic function", {"SG-9": "dg = dh * u * s * (1 - s)"},
     "the slope is that of the logistic function, not of SiLU, which is g times it"),
    ("swiglu", "the slope is that of ReLU", {"SG-9": "dg = dh * u * (g > 0)"},
     "the slope is that of ReLU, not of SiLU"),
    ("swiglu", "the value of SiLU stands in place of its slope", {"SG-9": "dg = dh * u * g * s"},
     "dh u is multiplied by the value of SiLU, not by its slope"),
    ("swiglu", "the slope of SiLU is taken at its value", {
        "SG-9": "t = 1 / (1 + np.exp(-g * s))\ndg = dh * u * t * (1 + g * s * (1 - t))"},
     "the slope of SiLU is taken at its output, not at its input g"),
    ("swiglu", "u is bent, and g is not", {
        "SG-9": "t = 1 / (1 + np.exp(-u))\ndg, du = dh * u * t, dh * g * t * (1 + u * (1 - t))"},
     "gate and up have changed places: the bend is on the gate"),
    ("grouped_attention", "only the first head of each group is counted, for dk and dv", {
        "GA-13": "dv = (weights.swapaxes(-1, -2) @ dmixed)[:, :, 0]",
        "GA-17": "dk = (dproducts.swapaxes(-1, -2) @ groups)[:, :, 0]"},
     "the keys and values serve all heads of their group, and only the first one is counted"),
    ("grouped_attention", "the mean over the group is taken, for dk and dv", {
        "GA-13": "dv = (weights.swapaxes(-1, -2) @ dmixed).mean(2)",
        "GA-17": "dk = (dproducts.swapaxes(-1, -2) @ groups).mean(2)"},
     "the keys and values serve all heads of their group: sum over them, don't average"),
    ("grouped_attention", "dq and dk are not turned back",
     {"GA-18": "pass", "GA-19": "pass"},
     "queries and keys were turned, and their gradients are not turned back"),
    ("grouped_attention", "dq and dk are turned forward", {
        "GA-18": "dq = rope.backward(dq, cache.rope_q._replace(sin=-cache.rope_q.sin))",
        "GA-19": "dk = rope.backward(dk, cache.rope_k._replace(sin=-cache.rope_k.sin))"},
     "the gradients of queries and keys are turned further, not back"),
    ("grouped_attention", "dv is turned back as well",
     {"GA-19": "dk, dv = rope.backward(dk, cache.rope_k), rope.backward(dv, cache.rope_k)"},
     "the values were not turned, and their gradient is turned back"),
    ("grouped_attention", "the softmax is computed again without its mask",
     {"GA-14": f"dscores = softmax.backward(dweights, softmax.forward({SCORES})[1])"},
     "the weights are computed again without the causal mask"),
    ("grouped_attention", "the heads are reshaped, not merged", {
        "GA-20": "dx_q, dq_weight = unproject(dq.reshape(x.shape), x, p.q)"},
     "the query's heads are laid side by side without moving their axis behind T first"),
    ("grouped_attention", "the heads are dealt like cards", {
        "GA-11": "B, H, T, D = q.shape\n"
                 "dmixed = split_heads(dmerged, H).reshape(B, -1, k.shape[1], T, D)"
                 ".swapaxes(1, 2)"},
     "head h is taken for one of group h mod K: a group is G neighbouring heads"),
]
LLAMA_MEANINGS = {
    "rms_norm.backward RMS-6: the term xhat * (row_dot(dxhat, xhat) / xhat.shape[-1]) is left out":
        "the path through the root mean square is left out",
    "rms_norm.backward RMS-6: the division by xhat.shape[-1] is left out":
        "the sum over the channels is taken, not the mean",
    "rms_norm.backward RMS-6: the factor rrms is left out":
        "xhat is x times rrms, and so its gradient must be multiplied by rrms too",
    "rms_norm.backward RMS-5: the factor weight is left out":
        "the scale gamma is left out: right only where it is 1",
    "rms_norm.backward RMS-4: the factor xhat is left out":
        "gamma is multiplied by xhat, and its gradient must be too",
    "rms_norm.backward RMS-4: the mean of the rows of dy * xhat is taken, not the sum":
        "gamma is used by every row: sum over them, don't average",
    "swiglu.backward SG-9: the term g * (1 - s) is left out":
        "the logistic function depends on g as well, and that path is left out",
    "swiglu.backward SG-9: the factor u is left out":
        "what passes through the gate, u, is a factor of the gate's gradient",
    "swiglu.backward SG-8: the factor g is left out":
        "u passes through silu(g) = g s, and its gradient is multiplied by s alone",
    "swiglu.backward SG-9: the factor g is left out":
        "the slope of g s is s (1 + g (1 - s)), and the g in it is missing",
    "swiglu.backward SG-10: the term du @ p.up.weight is left out":
        "the input goes into gate and up, and the path through up is left out",
    "swiglu.backward SG-10: the term dg @ p.gate.weight is left out":
        "the input goes into gate and up, and the path through the gate is left out",
    "swiglu.backward: dgate and dup are exchanged":
        "the gradients of gate and up have changed places",
    "swiglu.backward SG-7: u stands in place of h":
        "the down layer's gradient uses u, before it passes the gate, not h",
    "grouped_attention.backward GA-13: the mean of weights.swapaxes(-1, -2) @ dmixed is taken, "
    "not the sum":
        "the values serve all heads of their group: sum over them, don't average",
    "grouped_attention.backward GA-17: the mean of dproducts.swapaxes(-1, -2) @ groups is taken, "
    "not the sum":
        "the keys serve all heads of their group: sum over them, don't average",
    "grouped_attention.backward GA-18: rope.backward is skipped":
        "queries were turned, and their gradient is not turned back",
    "grouped_attention.backward GA-19: rope.backward is skipped":
        "keys were turned, and their gradient is not turned back",
    "grouped_attention.backward GA-15: the division by math.sqrt(q.shape[-1]) is left out":
        "the scaling of the scores by 1 / sqrt(D) is left out",
    "grouped_attention.backward GA-15: sqrt is left out":
        "the scores are divided by D, not by sqrt(D)",
    "grouped_attention.backward GA-14: softmax.backward is skipped":
        "the softmax's own gradient is left out",
    "grouped_attention.backward GA-17: the transpose of dproducts is missing":
        "the key's gradient is left untransposed",
    "grouped_attention.backward GA-13: the transpose of weights is missing":
        "the value's gradient uses the weights untransposed",
    "grouped_attention.backward GA-23: the term dx_v is left out":
        "the input goes into three layers, and the path through the values is left out",
    "grouped_attention.backward GA-23: the term dx_k is left out":
        "the input goes into three layers, and the path through the keys is left out",
    "grouped_attention.backward GA-23: the term dx_q is left out":
        "the input goes into three layers, and the path through the queries is left out",
}
