"""Sums over rows, added in pairs so that rounding errors stay small."""

RUN = 64  # rows that are added one after the other; a shorter run costs more calls than it gains


def sum_rows(x):
    """Return the sum over all axes but the last: (..., C) -> (C,).

    Halves are summed apart and then added, so that no number takes part in more than RUN plus
    log2(N) additions; one after the other it would be N. Source: Higham, "The Accuracy of
    Floating Point Summation" (1993), section 2.
    """
    rows = x.reshape(-1, x.shape[-1])                        # (N, C)
    half = len(rows) // 2
    if len(rows) <= RUN:
        return rows.sum(0)                                   # (C,)
    return sum_rows(rows[:half]) + sum_rows(rows[half:])     # (C,)
