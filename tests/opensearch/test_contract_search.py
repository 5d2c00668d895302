"""Every test of ``test_search.py``, against the engine on a cluster."""

from __future__ import annotations

import test_search

from .contract import adopt

adopt(test_search, globals())
