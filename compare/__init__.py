"""Where the two implementations meet: checks, side by side views, training in lockstep."""
