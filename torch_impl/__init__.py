"""The GPT in PyTorch, as its users write it: autograd does the backward."""
