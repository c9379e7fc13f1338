"""From the words of the command line to a trained model: one side or both in lockstep."""
