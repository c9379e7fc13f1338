"""What is known of some mutants, by their names: what they mean, or why they are right after all.

A name here that no mutant, no line or no variable bears any more is a failing test.
"""

from .by_hand import HAND_MADE
from .llama_blocks import BLOCKS_MEAN
from .llama_by_hand import LLAMA_MEANINGS

MEANINGS = {
    "linear.backward LIN-3: the transpose of dy_rows is missing":
        "the weight's gradient is built without the transpose",
    "linear.backward LIN-4: the mean of the rows of dy_rows is taken, not the sum":
        "the bias is used by every row, and its gradient is the sum over them, not the mean",
    "linear.backward LIN-4: only the first row of dy_rows is taken":
        "the bias is used by every row, and only the first one is counted",
    "embedding.backward EMB-2: of the places that share a row of dtoken, only the last is added":
        "a token that stands in several places gets the gradient of the last of them only",
    "embedding.backward EMB-2: of the places that share a row of dtoken, only the first is added":
        "a token that stands in several places gets the gradient of the first of them only",
    "embedding.backward EMB-3: the mean of dy is taken, not the sum":
        "a position is used by every sequence of the batch: sum over them, don't average",
    "embedding.backward EMB-3: only the first row of dy is taken":
        "a position is used by every sequence of the batch, and only the first one is counted",
    "layer_norm.backward LN-8: the term row_mean(dxhat) is left out":
        "the path through the mean is left out",
    "layer_norm.backward LN-8: the term xhat * (row_dot(dxhat, xhat) / xhat.shape[-1]) is left out":
        "the path through the variance is left out",
    "layer_norm.backward LN-7: the factor weight is left out":
        "the scale gamma is left out: right only where it is 1",
    "layer_norm.backward LN-5: the factor xhat is left out":
        "gamma is multiplied by xhat, and its gradient must be too",
    "gelu.backward GELU-6: the term near * slope_gate is left out":
        "the gate depends on x as well, and that path is left out",
    "gelu.backward GELU-6: the term gate is left out":
        "the path through x itself, the gate, is left out",
    "softmax.backward SM-5: the term row_dot(dy, y) is left out":
        "only the numerator is differentiated: the path through the sum is left out",
    "softmax.backward SM-5: the mean of dy * y is taken, not the sum":
        "the path through the sum is the sum of dy * y over the row, not its mean",
    "dropout.backward DROP-2: the division by 1 - rate is left out":
        "the kept entries were scaled up by 1 / (1 - rate), and their gradients must be too",
    "dropout.backward DROP-2: the factor keep is left out":
        "the mask is ignored: a dropped entry has no gradient",
    "dropout.backward DROP-2: it is multiplied by 1 - rate, not divided":
        "it is multiplied by 1 - rate where the forward divides by it",
    "dropout.backward DROP-2: the sign of rate is flipped":
        "it is divided by 1 + rate, not by 1 - rate",
    "softmax.backward SM-5: the factor y is left out":
        "the outer y is lost: the whole difference is multiplied by it",
    "gelu.backward GELU-5: the factor slope_w is left out":
        "the inner derivative, of 2 s (x + a x^3), is missing",
    "layer_norm.backward LN-8: the sum of dxhat is taken, not the mean":
        "in the path through the mean the sum over the channels is taken, not the mean",
    "attention.backward ATT-16: sqrt is left out":
        "the scores are divided by D, not by sqrt(D)",
    "attention.backward ATT-16: it is multiplied by math.sqrt(q.shape[-1]), not divided":
        "the scores' gradient is multiplied by sqrt(D), where the forward divides by it",
    "attention.backward ATT-17: dscores stands in place of dproducts":
        "the scaling by 1 / sqrt(D) is left out of the query's gradient",
    "attention.backward ATT-18: dscores stands in place of dproducts":
        "the scaling by 1 / sqrt(D) is left out of the key's gradient",
    "attention.backward ATT-19: dq and dk are exchanged":
        "the thirds of dqkv are in the order k, q, v",
    "gelu.backward GELU-6: the factor dy is left out":
        "the slope is returned alone: it is not multiplied by dy",
    "gelu.backward GELU-4: the factor 3 is left out":
        "the slope of a x^3 is 3 a x^2, and the 3 is missing",
    "gelu.backward GELU-4: the term 3 * CUBIC * (near * near) is left out":
        "the inner derivative lacks the slope of the cubic, 3 a x^2",
    "layer_norm.backward LN-8: the factor rstd is left out":
        "xhat is (x - mean) times rstd, and so its gradient must be multiplied by rstd too",
    "layer_norm.backward LN-8: the division by xhat.shape[-1] is left out":
        "in the path through the variance the sum over the channels is taken, not the mean",
    "cross_entropy.backward CE-5: the factor dloss is left out":
        "the gradient that comes in, dloss, is not multiplied in",
    "attention.backward ATT-18: the transpose of dproducts is missing":
        "the key's gradient is left untransposed",
    "attention.backward ATT-13: cache.softmax.y stands in place of cache.weights":
        "the value's gradient ignores the dropout mask: the weights after dropout mixed the values",
    "attention.backward ATT-13: the transpose of cache.weights is missing":
        "the value's gradient uses the weights untransposed",
    "attention.backward ATT-16: the division by math.sqrt(q.shape[-1]) is left out":
        "the scaling of the scores by 1 / sqrt(D) is left out",
    "attention.backward ATT-15: softmax.backward is skipped":
        "the softmax's own gradient is left out",
    "attention.backward ATT-19: dq is left at zero":
        "the path through the query is left out",
    "attention.backward ATT-19: dk is left at zero":
        "the path through the key is left out",
    "attention.backward ATT-19: dv is left at zero":
        "the path through the value is left out",
    "flash_attention.backward FA-10: the mean of dy * y is taken, not the sum":
        "the row's sum of weights times their gradients is the sum of dy * y over D, not the mean",
    "flash_attention.backward FA-11: the term lse[:, :, rows] is left out":
        "the weights lack their denominator, the log-sum-exp of the row",
    "flash_attention.backward FA-12: what dv[:, :, cols] held is overwritten, not added to":
        "each block of queries adds its share to the value's gradient, and only the last one stays",
    "flash_attention.backward FA-12: the transpose of weights is missing":
        "the value's gradient uses the weights untransposed",
    "flash_attention.backward FA-14: the term delta[:, :, rows] is left out":
        "only the numerator of the softmax is differentiated: the path through the sum is left out",
    "flash_attention.backward FA-15: what dq[:, :, rows] held is overwritten, not added to":
        "each block of keys adds its share to the query's gradient, and only the last one stays",
    "flash_attention.backward FA-15: the division by math.sqrt(D) is left out":
        "the scaling of the scores by 1 / sqrt(D) is left out of the query's gradient",
    "flash_attention.backward FA-15: sqrt is left out":
        "the scores are divided by D, not by sqrt(D), in the query's gradient",
    "flash_attention.backward FA-16: what dk[:, :, cols] held is overwritten, not added to":
        "each block of queries adds its share to the key's gradient, and only the last one stays",
    "flash_attention.backward FA-16: the transpose of dscores is missing":
        "the key's gradient is left untransposed",
    "clipped_surrogate.backward CLIP-7: the factor ratio is left out":
        "the ratio is an exponential, and its slope is the ratio itself",
    "clipped_surrogate.backward CLIP-6: the minus of kept is left out":
        "the sign is flipped: the loss is minus the gain",
    "clipped_surrogate.backward CLIP-6: the factor dloss is left out":
        "the gradient that comes in, dloss, is not multiplied in",
    "clipped_surrogate.backward CLIP-6: the division by ratio.size is left out":
        "the loss is a mean: its gradient is too large by the number of answers",
    "mlp.backward MLP-7: gelu.backward is skipped":
        "the slope of the GELU is left out",
    "block.backward BLK-7: the term dy is left out":
        "the residual path around the MLP is left out",
    "block.backward BLK-7: the term dr_branch is left out":
        "the path through the MLP is left out",
    "block.backward BLK-10: the term dr is left out":
        "the residual path around the attention is left out",
    "block.backward BLK-10: the term dx_branch is left out":
        "the path through the attention is left out",
    "cross_entropy.backward CE-5: the division by int(counted.sum()) is left out":
        "the loss is a mean: its gradient is too large by the number of counted targets",
    "cross_entropy.backward CE-5: the factor counted is left out":
        "a target that is ignored must get no gradient",
    "cross_entropy.backward CE-6: the term 1 is left out":
        "the target's own logit is not subtracted: softmax alone is not the gradient",
    "gpt.backward LM-12: the term dhead is left out":
        "the table is used twice, and the share of the tied head is dropped",
    "gpt.backward LM-12: what dtable held is overwritten, not added to":
        "the table is used twice, and the share of the embedding is dropped",
    "kto.backward KTO-4: the factor weight is left out":
        "the weights of the texts, lambda_D and lambda_U, are left out",
    "kto.backward KTO-5: the factor sign is left out":
        "undesirable texts have the sign of desirable ones",
    "dpo.backward DPO-3: the division by len(u) is left out":
        "the loss is a mean: its gradient is too large by the number of pairs",
    "dpo.backward DPO-4: the factor beta is left out":
        "u holds beta, and so must its slope: the factor beta is missing",
    "lora.backward LORA-4: the term dh @ p.a is left out":
        "dx goes through the frozen weight alone: the path through the adapter is left out",
    "lora.backward LORA-4: the term dy_rows @ weight is left out":
        "dx goes through the adapter alone: the weight is frozen, but x moves its output",
    "lora.backward: da is left at zero": "A gets no gradient: its own is 0 only while B is 0",
    "lora.backward LORA-6: the factor scale is left out":
        "the scale is left out of the gradient of B: it multiplies B A as a whole",
}
MEANINGS |= LLAMA_MEANINGS | BLOCKS_MEAN | {f"{stem}.backward {', '.join(lines)}: {edit}": meaning
                                            for stem, edit, lines, meaning in HAND_MADE}
EQUIVALENT = {  # mutants that are right after all, by name, and why
    **dict.fromkeys([
        "dropout.forward DROP-1: the factor keep is squared",
        "dropout.backward DROP-2: the factor keep is squared",
        "torch_impl.dropout.Dropout.forward DROP-1: the factor keep is squared",
        "cross_entropy.backward CE-5: the factor counted is squared",
        "clipped_surrogate.backward CLIP-5: the factor np.where(advantages > 0, "
        "ratio <= 1 + epsilon, ratio >= 1 - epsilon) is squared",
        "sequence_logp.backward SEQ-3: the factor counted is squared",
    ], "a factor of 0 or 1 is its own square"),
    "dropout.draw_keep: it asks rng.random(shape) > rate, not rng.random(shape) >= rate":
        "both are random masks of the same rate: a draw equals it once in 2^53",
    **dict.fromkeys([
        f"attention.backward {tag}: {other} stands in place of q"
        for tag in ("ATT-11", "ATT-16") for other in ("k", "v", "cache.k", "cache.v")
    ], "only the shape is read, and queries, keys and values have the same"),
    **dict.fromkeys([
        "attention.backward ATT-9: cache.weights_drop stands in place of cache.output_drop",
        "attention.backward ATT-14: cache.output_drop stands in place of cache.weights_drop",
    ], "only whether it is None is read, and keep gives both or none"),
    **dict.fromkeys([
        f"flash_attention.backward FA-10: {other} stands in place of q{place}"
        for place in ("", " (place 2)")
        for other in ("k", "v", "y", "cache.k", "cache.v", "cache.y")
    ], "only the shape and the dtype are read, and queries, keys, values and results share them"),
    **dict.fromkeys([
        "linear.backward LIN-4: dy_rows is summed over its first axis only",
        "sums.sum_over_rows: ones(RUN, x.dtype) @ runs is summed over its first axis only",
        "sums.sum_over_rows: rows[whole:] is summed over its first axis only",
    ], "there is one axis of rows: only the rounding differs, which precision measures"),
    **dict.fromkeys([
        f"clipped_surrogate.backward CLIP-6: {other} stands in place of ratio"
        for other in ("advantages", "cache.advantages")
    ], "only the size is read, and ratios and advantages have the same"),
    "clipped_surrogate.backward CLIP-5: it asks advantages >= 0, not advantages > 0":
        "an advantage of 0 has no gradient, held or not",
    **dict.fromkeys([
        f"kto.backward KTO-4: {other} stands in place of u{place}" for place in ("", " (place 2)")
        for other in ("sign", "weight", "cache.sign", "cache.weight")
    ] + [
        f"simpo.backward SPO-3: {cache}{other} stands in place of u{place}"
        for place in ("", " (place 2)") for cache in ("", "cache.")
        for other in ("chosen_length", "rejected_length")
    ], "only the dtype or the length is read, and both arrays have the same"),
    **dict.fromkeys([
        "selection.losses SEL-1: max takes the axis 1, not -1",
        "selection.losses SEL-1: sum takes the axis 1, not -1",
        "selection.gradient_norms SEL-3: the size of the axis 1 is taken, not of -1",
        "selection.gradient_norms SEL-4: sum takes the axis 1, not -1",
    ], "logits are (B, V): the last axis is axis 1"),
    "selection.gradient_norms SEL-3: the sign of the result is flipped":
        "only the squares are read",
    "word2vec.noise_share WORD-3: the sign of the result is flipped":
        "all weights are divided by their sum, which has the sign as well",
    "sums.sum_over_rows: it asks len(rows) < RUN, not len(rows) <= RUN":
        "a run of just RUN rows goes one level further down",
    **dict.fromkeys([
        "gpt.backward LM-6: cache.norm.xhat stands in place of cache.h",
        "llama.backward LL-5: cache.norm.xhat stands in place of cache.h",
        "megabyte.backward MB-9: cache.norm.xhat stands in place of cache.h",
        "megabyte.backward MB-9: cache.norm.xhat stands in place of cache.h (place 2)",
    ], "only the shape is read"),
    "adamw.learning_rate AW-9: it asks step <= warmup, not step < warmup":
        "at step = warmup the line and the cosine meet: both give lr",
    **dict.fromkeys([
        f"fused_adamw.FusedAdamW.update FAW-5: it asks len(self.flat[0]) {sign} ALONE, "
        "not len(self.flat[0]) > ALONE" for sign in (">=", "<")
    ], "only how many threads share the pieces"),
    "torch_impl.adamw.scheduler AW-9: it asks step <= warmup, not step < warmup":
        "as in the reference: the line and the cosine meet",
    **dict.fromkeys([
        "generate.stream: it asks len(window) >= config.block_size, "
        "not len(window) > config.block_size",
        "torch_impl.generate.stream: it asks len(window) >= S, not len(window) > S",
    ], "a window that is full, no more, begins where it did: it is computed once more"),
    **dict.fromkeys([
        f"{room}generate.window_start: -(-(length - block_size) // hop) is taken without the max"
        for room in ("", "torch_impl.")
    ], "it may then be -hop, where there are at most hop tokens: a slice from there takes all"),
    **dict.fromkeys([
        f"{room}generate.probabilities: {edit}" for room in ("", "torch_impl.") for edit in (
            "top_k is None and top_p == 1 makes no difference: its mask is ignored",
            "it asks top_p <= 1, not top_p < 1")
    ], "a shorter way to the same, but for rounding: at 1 all ids are kept"),
    **dict.fromkeys([
        f"{room}generate.probabilities: masked entries become 0" for room in ("", "torch_impl.")
    ], "they do already"),
    **dict.fromkeys([
        "decode.attend ATT-3: swapaxes takes the axis 1, not -2",
        "llama_decode.attend GA-6: swapaxes takes the axis 1, not -2",
    ], "k has three axes: 1 is -2"),
    **dict.fromkeys([
        "torch_impl.decode.step: the size of the axis -1 is taken, not of 1",
        "torch_impl.llama_decode.step: the size of the axis -1 is taken, not of 1",
    ], "the table has two axes: 1 is -1"),
    "torch_impl.decode.attend: transpose takes the axis 0, not 1":
        "the batch is 1: only an axis of that size moves, before all are laid into rows",
    "packed.Packed.__matmul__: 1 is taken without the max":
        "the same product, one row at a time",
    "packed_llama.block_rows LB-2: x, which belongs to the caller, is overwritten":
        "begin made it for this alone",
    "train.accumulated: g, which belongs to the caller, is overwritten":
        "the gradients of a part were made for this sum alone",
    "compare.text.corpus.bigram_loss: masked entries become 0": "they do already",
    "parallel.in_parts: it asks len(slices) <= 2, not len(slices) < 2":
        "two parts are then computed as one",
    "elementwise.elementwise: it asks getattr(first, 'size', 0) < PIECE, "
    "not getattr(first, 'size', 0) <= PIECE":
        "an array of just PIECE numbers is one piece",
}
ALIKE = [  # names of adamw that stand for the same kind of thing: an edit may exchange them
    {"beta1", "beta2"}, {"m", "v", "g"}, {"mhat", "vhat"}, {"lr", "min_lr"},
    {"warmup", "steps", "step"}]
