"""Every test of ``test_search_typed.py``, against the engine on a cluster."""

from __future__ import annotations

import test_search_typed

from .contract import adopt

adopt(test_search_typed, globals())
