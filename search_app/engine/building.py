"""Building for whichever engine the settings name: what the index command does.

In: an archive and an index folder. Out: an index that readers find by themselves, and a report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..index.builder import BuildReport, build_index
from ..settings import Settings
from . import EMBEDDED, engine_name


def build_for_engine(archive: Path, index_dir: Path, *, settings: Settings, **options: Any) -> BuildReport:
    """Bring the index of an archive up to date, on a cluster where the settings name one.

    options : as for ``build_index``, whose report and errors these are. Raises ClusterError besides.
    """
    if engine_name(settings) == EMBEDDED:
        return build_index(archive, index_dir, settings=settings, **options)
    # The client library is no part of the default install.
    from .opensearch.building import build_on_cluster

    return build_on_cluster(archive, index_dir, settings=settings, **options)
