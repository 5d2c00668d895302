"""Every test of ``test_search_partial.py``, against the engine on a cluster."""

from __future__ import annotations

import test_search_partial

from .contract import adopt

adopt(test_search_partial, globals())
