"""What the labs add to the GPT: losses with their backwards, and what is computed exactly."""
