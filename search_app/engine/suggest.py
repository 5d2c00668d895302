"""Completions while somebody types: topics, contexts, sources, words of headlines, by the prefix of any word in them.

In: a snapshot; then what was typed so far. Out: suggestions, the most frequent first. The table comes with the
generation; a completion reads one slice of it for each typed word.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from ..errors import IndexDamagedError
from ..index.analysis import find_surfaces
from ..index.generation import Snapshot
from ..index.suggestions import KINDS, SUGGESTIONS, Suggestions, key_of, make_suggestions
from .evaluate import Mask
from .result import Suggestion

__all__ = ["KINDS", "Suggester"]

MAX_TYPED_CHARS = 200
MAX_TYPED_WORDS = 8
"""Words of the typed text that count; nobody types more before looking up."""


class Suggester:
    """All that one generation can suggest. Safe to use from any number of threads.

    Opening costs 2 ms, for verifying the table; a generation without one has it made in memory, which takes a second
    for 113,422 articles.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._table = _open_table(snapshot)

    def __len__(self) -> int:
        return len(self._table)

    def find(self, typed: str, limit: int) -> tuple[Suggestion, ...]:
        """Return up to ``limit`` entries that hold, for each typed word, a word which begins so.

        typed : text as far as it was typed, accents and case apart; without any word it completes to nothing.
        Cost: O(entries); 0.1 to 0.6 ms for 121,000.
        """
        text = unicodedata.normalize("NFC", typed[:MAX_TYPED_CHARS])
        wanted = list(dict.fromkeys(map(key_of, find_surfaces(text))))[:MAX_TYPED_WORDS]
        if not wanted:
            return ()
        found = self._beginning(wanted[0])
        for key in wanted[1:]:
            found &= self._beginning(key)
        return tuple(Suggestion(*entry) for entry in self._table.read(np.flatnonzero(found)[:limit].tolist()))

    def _beginning(self, prefix: str) -> Mask:
        mask = np.zeros(len(self), bool)
        mask[self._table.beginning(prefix)] = True
        return mask


def _open_table(snapshot: Snapshot) -> Suggestions:
    file = snapshot.companions.get(SUGGESTIONS)
    if file is not None:
        try:
            return Suggestions(file)
        except IndexDamagedError:
            pass  # What it holds can be made again; ``search-app check`` tells.
    return make_suggestions(list(zip(snapshot.segments, snapshot.live, strict=True)))
