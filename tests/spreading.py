"""How pytest-xdist spreads the tests over processes where ``-n`` asks for it: by files, the cluster's all to one.

What a file builds for its tests is then built once, and there is one cluster, whose tests one process has alone.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling

CLUSTER = "tests/opensearch/"


class ByFile(LoadFileScheduling):
    """Files in the order of collection, each to the process that is free first."""

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        # The most tests first would leave to the end those files whose tests are few and long.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return CLUSTER if nodeid.startswith(CLUSTER) else super()._split_scope(nodeid)
