"""Inversion: what whole columns of words are turned into is what a plain loop over the words finds."""

from __future__ import annotations

import random

import numpy as np
import pytest
from conftest import SEED

from search_app.index.analysis import VALUE_GAP, analyse_surface
from search_app.index.inversion import Surfaces, Units, Vocabulary, invert

WORDS = ["storm", "Storm", "storms", "stôrm", "state-of-the-art", "O'Neill", "新聞自由", "café", "Café", "cafes"]


def units_of(texts: list[list[str]], surfaces: Surfaces) -> Units:
    numbers = [surfaces[word] for text in texts for word in text]
    starts = np.concatenate(([0], np.cumsum([len(text) for text in texts], dtype=np.int64)))
    return Units(np.array(numbers, np.uint32), starts)


@pytest.mark.parametrize("longest", [0, 1, 6], ids=["a text each", "a value at most", "several values"])
def test_a_field_is_inverted_as_a_plain_loop_does(longest: int) -> None:
    rng = random.Random(f"{SEED} inversion {longest}")
    texts = [rng.choices(WORDS, k=rng.randrange(9)) for _ in range(60)]
    rows = [rng.choices(range(len(texts)), k=rng.randint(0, longest)) for _ in range(90)]
    if not longest:
        rows = [[n] for n in range(len(texts))]
    surfaces = Surfaces()
    units = units_of(texts, surfaces)
    vocabulary = Vocabulary(surfaces)
    row_starts = np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64)))
    row_units = np.array([unit for row in rows for unit in row], np.int64)
    found = invert(vocabulary, units, row_starts, row_units)

    expected: dict[tuple[str, int], list[tuple[int, tuple[str, str]]]] = {}
    lengths = []
    for doc, row in enumerate(rows):
        position = 0
        for value, unit in enumerate(row):
            for token in [token for word in texts[unit] for token in analyse_surface(word)]:
                form = (token.folded, token.spelled)
                expected.setdefault((token.stem, doc), []).append((position + value * VALUE_GAP, form))
                position += 1
        lengths.append(position)
    assert found.lengths.tolist() == lengths
    assert sum(len(tokens) for tokens in expected.values()) == len(found.positions)
    mixed = dict(zip(found.mixed.tolist(), range(len(found.mixed)), strict=True))
    assert mixed or longest == 1
    spelled = np.concatenate(([0], np.cumsum(found.frequencies[found.mixed])))
    token, postings = 0, {}
    for n, term in enumerate(found.terms.tolist()):
        forms = [vocabulary.forms[m] for m in np.flatnonzero(vocabulary.form_terms == term)]
        assert found.token_starts[n] == token
        for posting in range(found.posting_starts[n], found.posting_starts[n + 1]):
            count = int(found.frequencies[posting])
            ranks = [int(found.ranks[posting])] * count
            if posting in mixed:
                own = mixed[posting]
                ranks = found.mixed_ranks[spelled[own] : spelled[own + 1]].tolist()
            places = found.positions[token : token + count].tolist()
            key = (vocabulary.terms[term], int(found.docs[posting]))
            postings[key] = list(zip(places, [forms[rank] for rank in ranks], strict=True))
            token += count
    assert list(postings) == sorted(expected)
    assert postings == expected


def test_more_words_than_are_looked_up_at_once() -> None:
    surfaces = Surfaces()
    texts = [["state-of-the-art"] * 7, ["storm"] * 300_000, [], ["state-of-the-art", "storm"] * 150_000]
    units = units_of(texts, surfaces)
    forms, counts = Vocabulary(surfaces).tokens(units)
    long, short = analyse_surface("state-of-the-art"), analyse_surface("storm")
    assert counts.tolist() == [7 * len(long), 300_000, 0, 150_000 * (len(long) + 1)]
    numbers = {form: n for n, form in enumerate(sorted((t.folded, t.spelled) for t in (*long, *short)))}
    row = [numbers[token.folded, token.spelled] for token in long]
    storm = numbers[short[0].folded, short[0].spelled]
    assert np.array_equal(forms, [*row * 7, *[storm] * 300_000, *[*row, storm] * 150_000])
