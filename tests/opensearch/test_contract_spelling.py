"""The tests of ``test_spelling.py``, against the engine on a cluster."""

from __future__ import annotations

import test_spelling

from .contract import adopt

# It asks no engine; ``test_vocabulary.py`` looks at the same.
adopt(test_spelling, globals(), without=("test_words_of_deleted_articles_are_not_known",))
