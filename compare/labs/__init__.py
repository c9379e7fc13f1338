"""Features of language models, each measured on a small GPT beside a control that fails."""
