"""What the labs add to the GPT, in PyTorch."""
