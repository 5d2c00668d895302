"""The tests of ``test_agreement.py`` that search, against the engine on a cluster."""

from __future__ import annotations

import test_agreement

from .contract import adopt

# They ask a searcher of segments, or none.
adopt(
    test_agreement,
    globals(),
    without=("test_an_article_whose_story_others_tell_comes_first", "test_what_others_say_of_a_text"),
)
