"""The tests of the embedded engine, run unchanged against the engine on a cluster.

Those tests publish generations in a folder and open an engine on it. Here that engine first publishes what lies in the
folder on the cluster, as a run of the index command would, and then answers from there.
"""

from __future__ import annotations

import hashlib
import os
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from search_app.archive.model import Article
from search_app.engine.opensearch import canaries
from search_app.engine.opensearch.cluster import Cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.opensearch.publishing import publish_snapshot
from search_app.engine.opensearch.search import ClusterSearcher
from search_app.index.generation import newest_generation, open_snapshot
from search_app.index.manifest import SEGMENTS
from search_app.settings import Settings, load_settings

PREFIX = "contract"
ROUNDS = int(os.environ.get("OPENSEARCH_TEST_ROUNDS", "15"))


def cluster_settings(url: str, alias: str, settings: Settings | None = None, **changes: str | int) -> Settings:
    """Return settings that name a cluster, all else as in ``settings``."""
    plain = {**dict(settings or load_settings({})), "engine": "opensearch", "opensearch_url": url}
    # Where many tests share a machine, an answer may take longer than any reader would wait.
    own = {"opensearch_index": alias, "opensearch_replicas": 0, "opensearch_timeout": 120}
    return load_settings({}, **{**plain, **own, **changes})


def remove_indices(url: str, prefix: str) -> None:
    """Remove every index whose name begins so."""
    door = Cluster(cluster_settings(url, "any"))
    door.request("DELETE", f"/{prefix}*", missing_ok=True, seconds=60)
    door.close()


def written(door: Cluster, index: str) -> int:
    """How many documents were sent to an index since it was made."""
    stats = door.request("GET", f"/{index}/_stats/indexing")
    return int(stats["_all"]["primaries"]["indexing"]["index_total"])


def change_headline(archive: Path, before: str, after: str) -> None:
    """Change a headline in the one article that has it."""
    found = [path for path in archive.rglob("*.md") if f"# {before}" in path.read_text(encoding="utf-8")]
    article = next(path for path in found if path.stem not in ("index", "README"))
    article.write_text(article.read_text(encoding="utf-8").replace(f"# {before}", f"# {after}"), encoding="utf-8")


class ContractEngine(OpenSearchEngine):
    """An engine on a cluster that is made like the embedded one and sees every generation of its folder."""

    url = ""
    published: ClassVar[dict[str, str]] = {}
    """What lies in a folder → the alias under which it was published. Many tests begin with the same few articles."""

    def __init__(self, index_dir: Path, settings: Settings | None = None, today: date | None = None) -> None:
        self.index_dir = index_dir
        self._given = settings
        self._seen = 0
        self._use(_named(str(index_dir)))
        super().__init__(self._own, today)

    def _use(self, alias: str) -> None:
        # All that these archives hold is ranked again, so that scores can be compared too.
        shards = 1 + int(alias[-1], 16) % 3
        self._own = cluster_settings(self.url, alias, self._given, opensearch_window=2000, opensearch_shards=shards)
        self._cluster = Cluster(self._own)

    def _current(self) -> ClusterSearcher:
        if self.index_dir.is_dir() and newest_generation(self.index_dir) != self._seen:
            snapshot = open_snapshot(self.index_dir)
            held = _contents(self.index_dir)
            alias = self.published.get(held)
            if alias is None or self._seen:
                alias = _named(str(self.index_dir) if self._seen else held)
                self._use(alias)
                for _ in range(2 if self._seen else 1):
                    # Another alias than before: the number of its index has to go on all the same.
                    publish_snapshot(snapshot, self.index_dir, self._own, full=True)
                self.published.setdefault(held, alias)
            else:
                self._use(alias)
            self._seen = snapshot.generation
            self.refresh()
        return super()._current()

    def status(self) -> dict[str, Any]:
        """Say also how many segments were published; leave out what differs from one publication to the next."""
        own = {"served_index": "", "shards": 0, "build_seconds": 0.0}
        return {**super().status(), **own, "segments": len(open_snapshot(self.index_dir).segments)}

    def record(self, path: str) -> Article | None:
        """Return the plain record of a site path, or None."""
        found = self.article(path)
        return found.article if found else None


def _named(text: str) -> str:
    return f"{PREFIX}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _contents(index_dir: Path) -> str:
    """Return a text that differs wherever two folders would be published differently."""
    manifest = open_snapshot(index_dir).manifest
    parts = [
        hashlib.sha256((index_dir / SEGMENTS / entry.name).read_bytes()).hexdigest() for entry in manifest.segments
    ]
    return " ".join([*parts, str([entry.deleted for entry in manifest.segments])])


def adopt(module: ModuleType, namespace: dict[str, Any], *, without: tuple[str, ...] = ()) -> None:
    """Put a module's tests and fixtures into another's namespace, to be run there with a ``ContractEngine``.

    without : names of tests about what only the embedded engine has.
    """
    for name in without:
        if name not in vars(module):
            raise ValueError(f"{module.__name__} has no {name}")
    for name, value in vars(module).items():
        fixture = type(value).__name__ == "FixtureFunctionDefinition" or hasattr(value, "_pytestfixturefunction")
        if (name.startswith("test_") or fixture) and name not in without and not isinstance(value, ModuleType):
            namespace[name] = value

    @pytest.fixture(scope="module", autouse=True)
    def _on_a_cluster(cluster_url: str) -> Any:
        kept = {name: getattr(module, name) for name in ("EmbeddedEngine", "ROUNDS") if hasattr(module, name)}
        ContractEngine.url = cluster_url
        module.EmbeddedEngine = ContractEngine
        # Each round is many requests to another process.
        module.ROUNDS = min(kept.get("ROUNDS", ROUNDS), ROUNDS)
        # What is published is looked at by the tests themselves.
        samples, canaries.SAMPLES = canaries.SAMPLES, 1
        yield
        canaries.SAMPLES = samples
        for name, value in kept.items():
            setattr(module, name, value)
        ContractEngine.published.clear()
        remove_indices(cluster_url, PREFIX)

    namespace["_on_a_cluster"] = _on_a_cluster
    namespace["pytestmark"] = pytest.mark.core
