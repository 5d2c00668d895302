"""Every test of ``test_dead_ends.py``, against the engine on a cluster."""

from __future__ import annotations

import test_dead_ends

from .contract import adopt

adopt(test_dead_ends, globals())
