"""The same for the llama's block and the whole model: by hand, and what some edits mean.

Read by by_hand.py and known.py.
"""

BLOCKS_BY_HAND = [
    ("llama_block", "dy and dr are left out", {"LB-7": "dr = dr_branch", "LB-10": "dx = dx_branch"},
     "both residual paths, around the attention and around the MLP, are left out"),
    ("llama_block", "the norms come after the sums", {
        "LB-5": "dm, dnorm_2 = rms_norm.backward(dy, cache.norm_2)",
        "LB-6": "dr, dmlp = swiglu.backward(dm, cache.mlp)",
        "LB-7": "dr = dm + dr",
        "LB-8": "dn, dnorm_1 = rms_norm.backward(dr, cache.norm_1)",
        "LB-9": "dx, dattention = grouped_attention.backward(dn, cache.attention)",
        "LB-10": "dx = dn + dx"},
     "this is the backward of post-norm, with the norms after the sums: here they come before"),
    ("llama_block", "dy goes through norm_2 as well",
     {"LB-6": "dr, dnorm_2 = rms_norm.backward(dm + dy, cache.norm_2)", "LB-7": "pass"},
     "the residual path around the MLP starts after the norm: here it starts before"),
    ("llama_block", "dr goes through norm_1 as well",
     {"LB-9": "dx, dnorm_1 = rms_norm.backward(dn + dr, cache.norm_1)", "LB-10": "pass"},
     "the residual path around the attention starts after the norm: here it starts before"),
]
BLOCKS_MEAN = {
    "llama_block.backward LB-7: the term dy is left out":
        "the residual path around the MLP is left out",
    "llama_block.backward LB-7: the term dr_branch is left out":
        "the path through the MLP is left out",
    "llama_block.backward LB-8: dy stands in place of dr":
        "what attention adds goes through the MLP as well, and that path is left out",
    "llama_block.backward LB-10: the term dr is left out":
        "the residual path around the attention is left out",
    "llama_block.backward LB-10: the term dx_branch is left out":
        "the path through the attention is left out",
    "llama_block.backward LB-10: dy stands in place of dr":
        "the path around the attention holds dr, with what came through the MLP, not dy alone",
    "llama_block.backward: dnorm_2 stands in place of dnorm_1":
        "the gradients of both norms are those of the second",
    "llama_block.backward: dnorm_1 stands in place of dnorm_2":
        "the gradients of both norms are those of the first",
    "llama.backward LL-8: the order of dblocks is reversed":
        "the gradients of the blocks are in the order in which they are made, last block first",
    "llama.backward LL-9: of the places that share a row of dtable, only the last is added":
        "a token that stands in several places gets the gradient of the last of them only",
    "llama.backward LL-9: of the places that share a row of dtable, only the first is added":
        "a token that stands in several places gets the gradient of the first of them only",
    "llama.backward LL-10: the term dhead is left out":
        "in a tied model the table is used twice, and the share of the head is dropped",
    "llama.backward LL-10: what dtable held is overwritten, not added to":
        "in a tied model the table is used twice, and the share of the lookup is dropped",
    "llama.backward LL-10: cache.tied makes no difference: its mask is ignored":
        "the head's share is the table's only where the model is tied",
}
