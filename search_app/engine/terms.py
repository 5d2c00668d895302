"""What is known of the terms of a snapshot: each looked up once, and remembered from one request to the next.

In: stems and tokens of a plan. Out: where their postings lie, which spellings count, what a term is worth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..index.generation import Snapshot
from ..index.postings import Run
from ..index.schema import TEXT_FIELDS
from ..index.segment import Segment
from .fielded import TermWeight
from .plan import Term, Token, Weights

FIELD_NUMBER = {name: number for number, name in enumerate(TEXT_FIELDS)}
"""The position of each text field in ``TEXT_FIELDS``."""
MOST_REMEMBERED = 20_000
"""What is remembered from one request to the next: terms, spellings and weights together, about 450 bytes each."""


class Terms:
    """Looks up the terms of one segment and remembers them."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._numbers: dict[str, int] = {}
        self._runs: dict[str, tuple[Run | None, ...]] = {}
        self._typed: dict[tuple[str, str], tuple[tuple[int, str], ...]] = {}
        self._allowed: dict[Token, npt.NDArray[np.bool_]] = {}

    def __len__(self) -> int:
        return len(self._numbers) + len(self._typed) + len(self._allowed)

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
            allowed = np.zeros(self._segment.mixed_rank + 1, bool)
            for rank, _ in self.typed(token.stem, token.exact or ""):
                allowed[rank] = True
            # Other threads may see it from here on, so it has to be whole.
            self._allowed[token] = allowed
        return allowed

    def typed(self, stem: str, folded: str) -> tuple[tuple[int, str], ...]:
        """Return rank and spelling of those forms of a stem that are equal to ``folded`` but for accents."""
        found = self._typed.get((stem, folded))
        if found is None:
            segment, term = self._segment, self.number(stem)
            found = self._typed[stem, folded] = tuple(
                (int(segment.form_locals[form]), spelled)
                for form, spelled in segment.forms_folded(folded)
                if int(segment.form_terms[form]) == term
            )
        return found


class Known:
    """What requests found out about the terms of one snapshot, with one scorer, which holds for the next as well.

    terms : of each segment. weights : what terms are worth.
    relatives : of words of questions, the words that belong to them.
    gains : what one occurrence counts, by the longest field of a segment and the weights; see ``fielded.gain_table``.
    Shared by all threads: whatever two of them find out at once is the same. ``full`` says when to begin anew.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.terms = tuple(map(Terms, snapshot.segments))
        self.weights: dict[Term, TermWeight] = {}
        self.relatives: dict[Term, tuple[Term, ...]] = {}
        self.gains: dict[tuple[int, Weights], npt.NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self.weights) + len(self.relatives) + sum(map(len, self.terms))

    @property
    def full(self) -> bool:
        """Whether this is as much as should be remembered."""
        return len(self) > MOST_REMEMBERED
