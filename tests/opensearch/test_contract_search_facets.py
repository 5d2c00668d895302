"""Every test of ``test_search_facets.py``, against the engine on a cluster."""

from __future__ import annotations

import test_search_facets

from .contract import adopt

adopt(test_search_facets, globals())
