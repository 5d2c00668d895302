"""Recency: where a search asks for it, newer articles rank higher among hits that are equally good.

In: the days of hits and a half-life. Out: what each score is multiplied by. The shape is that of Wikimedia's
``prefer-recent``: a share of the score fades with age, the rest stays, so that an old article which is much the better
one still comes first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FADING = 0.6
"""The share of a score that fades: the newest article counts at most 2.5 times as much as the same of long ago."""
MOST_DAYS = 36_500
"""The longest half-life."""


def recency_factors(days: npt.NDArray[Any], newest: int, half_life: int) -> npt.NDArray[np.float64]:
    """Return ``1 - FADING + FADING · 2 ** (-age / half_life)`` for each day, of the same shape.

    days, newest : day ordinals; age is counted in days from the newest article of the archive, so that an archive
    which has ended ranks as it did on its last day. half_life : in days, at least 1.
    """
    ages = np.maximum(newest - days.astype(np.float64), 0.0)
    factors: npt.NDArray[np.float64] = (1.0 - FADING) + FADING * np.exp2(-ages / half_life)
    return factors
