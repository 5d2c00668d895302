"""The tests of ``test_explain.py``, against the engine on a cluster."""

from __future__ import annotations

import test_explain

from .contract import adopt

# What a page looks like is the same whatever answers.
adopt(test_explain, globals(), without=("test_it_is_told_only_where_it_is_asked_for",))
