"""The tests of ``test_similar.py``, against the engine on a cluster."""

from __future__ import annotations

import test_similar

from .contract import adopt

# What a page looks like is the same whatever answers.
adopt(test_similar, globals(), without=("test_the_page_tells_why",))
