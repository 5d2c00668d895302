"""Every test of ``test_stream.py``, against the engine on a cluster."""

from __future__ import annotations

import test_stream

from .contract import adopt

# A stream ranks its first hits again, all at once: ``test_walk.py`` looks at what follows them.
adopt(test_stream, globals(), without=("test_memory_does_not_grow_with_the_hits",))
