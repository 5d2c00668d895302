"""The tests of ``test_suggest.py``, against the engine on a cluster."""

from __future__ import annotations

import test_suggest

from .contract import adopt

# It asks an engine that other tests share.
adopt(test_suggest, globals(), without=("test_whatever_is_typed_is_answered",))
