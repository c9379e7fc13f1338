"""Wrong versions of the hand-written code, each one edit away, and what is known of them."""
