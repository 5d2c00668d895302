"""The tests of ``test_relatives.py`` that search, against the engine on a cluster."""

from __future__ import annotations

import test_relatives

from .contract import adopt

# They ask a searcher of segments, or none.
adopt(
    test_relatives,
    globals(),
    without=(
        "test_words_belong_together_that_stand_together",
        "test_candidates_share_the_most_letters",
        "test_a_word_counts_that_belongs_to_one_of_the_question",
    ),
)
