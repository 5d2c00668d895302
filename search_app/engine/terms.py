"""The terms of one segment as one request sees them: each looked up once.

In: stems and tokens of a plan. Out: where their postings lie, and which spellings count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..index.postings import Run
from ..index.schema import TEXT_FIELDS
from ..index.segment import Segment
from .plan import Token

FIELD_NUMBER = {name: number for number, name in enumerate(TEXT_FIELDS)}
"""The position of each text field in ``TEXT_FIELDS``."""


class Terms:
    """Looks up the terms of one segment and remembers them."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._numbers: dict[str, int] = {}
        self._runs: dict[str, tuple[Run | None, ...]] = {}
        self._allowed: dict[Token, npt.NDArray[np.bool_]] = {}

    def number(self, stem: str) -> int:
        """Return the number of a stem, -1 where the segment lacks it. Cost: 3 µs the first time."""
        found = self._numbers.get(stem)
        if found is None:
            found = self._numbers[stem] = self._segment.terms.find(stem.encode())
        return found

    def runs(self, stem: str) -> tuple[Run | None, ...]:
        """Return where the postings of a stem lie in each of ``TEXT_FIELDS``, None where it has none."""
        found = self._runs.get(stem)
        if found is None:
            found = self._runs[stem] = self._segment.runs(self.number(stem))
        return found

    def run(self, stem: str, name: str) -> Run | None:
        """Return where the postings of a stem lie in one field, None where it has none."""
        return self.runs(stem)[FIELD_NUMBER[name]]

    def spellings(self, token: Token) -> npt.NDArray[np.bool_]:
        """Return which spellings of its term an exact token takes, by rank up to ``mixed_rank``, which it does not."""
        allowed = self._allowed.get(token)
        if allowed is None:
            segment, term = self._segment, self.number(token.stem)
            allowed = self._allowed[token] = np.zeros(segment.mixed_rank + 1, bool)
            for form, _ in segment.forms_folded(token.exact or ""):
                if int(segment.form_terms[form]) == term:
                    allowed[int(segment.form_locals[form])] = True
        return allowed
