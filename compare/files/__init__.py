"""What a run leaves behind, and what others left: checkpoints, weights, GPT-2's."""
