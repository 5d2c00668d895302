"""Builds on a cluster: what is sent, what readers see meanwhile, and what a run that is stopped leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from search_app.cli import main
from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.cluster import Cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.readiness import find_troubles
from search_app.engine.request import SearchRequest
from search_app.errors import ClusterIndexMissingError, ClusterIndexVersionError, GenerationGoneError
from search_app.index.analysis import STEMMER
from search_app.sample import write_sample
from search_app.settings import Settings
from search_app.web.app import create_app

from .contract import change_headline, cluster_settings, written

ALIAS = "publishing"
pytestmark = pytest.mark.core


def test_an_update_sends_only_what_changed(archive: Path, on_cluster: Settings, door: Cluster, tmp_path: Path) -> None:
    """And a run with nothing to do sends nothing; the index before stays for those who read in it, no older one."""
    index_dir = tmp_path / "index"
    engine = OpenSearchEngine(on_cluster)
    with pytest.raises(ClusterIndexMissingError, match="Build one"):
        engine.status()
    first = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1)
    assert first.published and first.new == first.articles == engine.search(SearchRequest()).total
    assert written(door, f"{ALIAS}-00000001") == first.articles
    assert not build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1).published

    article = engine.search(SearchRequest(per_page=1)).hits[0]
    change_headline(archive, article.headline, "Lighthouse keeper writes an opera")
    second = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1)
    assert second.published and second.changed >= 1 and second.new == second.gone == 0
    assert door.serving_index() == f"{ALIAS}-00000002"
    assert written(door, f"{ALIAS}-00000002") == second.changed
    engine.refresh()
    assert engine.search(SearchRequest(q="lighthouse opera")).hits[0].path == article.path
    assert engine.search(SearchRequest(generation=1, per_page=1)).hits[0].headline == article.headline

    # What the index holds is asked from the cluster where the file that remembers it is lost.
    for file in index_dir.glob("cluster-*.holdings"):
        file.unlink()
    change_headline(archive, "Lighthouse keeper writes an opera", "Lighthouse keeper writes a ballet")
    third = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1)
    assert written(door, f"{ALIAS}-00000003") == third.changed < third.articles
    assert door.own_indices() == [f"{ALIAS}-00000002", f"{ALIAS}-00000003"]
    engine.refresh()
    with pytest.raises(GenerationGoneError):
        engine.search(SearchRequest(generation=1))


def test_an_index_of_another_version_is_told_and_built_anew(
    archive: Path, on_cluster: Settings, door: Cluster, tmp_path: Path
) -> None:
    build_on_cluster(archive, tmp_path / "index", settings=on_cluster, jobs=1)
    name = door.serving_index()
    meta = door.meta(f"{name}")
    door.request("PUT", f"/{name}/_mapping", {"_meta": {**meta, "format": "0:old"}})
    with pytest.raises(ClusterIndexVersionError, match=r"format 0:old.*search-app index"):
        OpenSearchEngine(on_cluster).search(SearchRequest())
    answer = create_app({**on_cluster, "TESTING": True}).test_client().get("/search?q=strike")
    assert answer.status_code == 503 and "Retry-After" in answer.headers
    assert build_on_cluster(archive, tmp_path / "index", settings=on_cluster, jobs=1).published
    assert OpenSearchEngine(on_cluster).search(SearchRequest()).total == meta["articles"]


def test_other_stems_are_told_and_sent_anew(archive: Path, on_cluster: Settings, door: Cluster, tmp_path: Path) -> None:
    """What starts meanwhile answers; what serves keeps the index with stems of its own; none is asked for by others."""
    index_dir = tmp_path / "index"
    total = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1).articles
    assert not build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1).published
    name = str(door.serving_index())
    meta = door.meta(name)
    assert meta["stemmer"] == STEMMER
    door.request("PUT", f"/{name}/_mapping", {"_meta": {**meta, "stemmer": "PyStemmer 0.0"}})
    begun = OpenSearchEngine(on_cluster)
    assert begun.search(SearchRequest()).total == total
    assert "PyStemmer 0.0" in begun.status()["problem"] and begun.status()["stemmer"] == "PyStemmer 0.0"
    assert find_troubles(lambda: begun, on_cluster) == ()

    # The articles are the same: what tells is the stemmer alone.
    assert build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1).published
    second = str(door.serving_index())
    assert second != name and written(door, second) == total
    begun.refresh()
    assert (begun.status()["problem"], begun.status()["stemmer"]) == ("", STEMMER)
    with pytest.raises(GenerationGoneError):
        begun.search(SearchRequest(generation=1))

    article = begun.search(SearchRequest(per_page=1)).hits[0]
    change_headline(archive, article.headline, "Lighthouse keeper writes an opera")
    build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1)
    third = str(door.serving_index())
    door.request("PUT", f"/{third}/_mapping", {"_meta": {**door.meta(third), "stemmer": "PyStemmer 0.0"}})
    begun.refresh()
    assert begun.search(SearchRequest(q="lighthouse opera", as_typed=True)).total == 0
    assert begun.status()["served_index"] == second and "PyStemmer 0.0" in begun.status()["problem"]


def test_a_change_of_shards_builds_anew(archive: Path, on_cluster: Settings, door: Cluster, tmp_path: Path) -> None:
    build_on_cluster(archive, tmp_path / "index", settings=on_cluster, jobs=1)
    more = cluster_settings(on_cluster.text("opensearch_url"), ALIAS, opensearch_shards=3)
    assert build_on_cluster(archive, tmp_path / "index", settings=more, jobs=1).published
    settings = door.request("GET", f"/{door.serving_index()}/_settings")
    assert next(iter(settings.values()))["settings"]["index"]["number_of_shards"] == "3"


def test_readers_see_one_whole_index_after_another(archive: Path, on_cluster: Settings, tmp_path: Path) -> None:
    """While builds go on, every answer is that of one of them."""
    index_dir = tmp_path / "index"
    total = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1).articles
    engine = OpenSearchEngine(on_cluster)
    stop, seen, troubles = Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            try:
                engine.refresh()
                result = engine.search(SearchRequest(per_page=100))
                seen.add((result.generation, result.total, len(result.hits)))
            except Exception as error:
                troubles.append(error)

    reader = Thread(target=read)
    reader.start()
    try:
        for number in range(3):
            (archive / f"news/2032/01/{number + 3}").mkdir(parents=True, exist_ok=True)
            text = f"### [2032-01-{number + 3}](/x)\n\n# Regatta {number} begins in fog\n"
            (archive / f"news/2032/01/{number + 3}/regatta-{number}.md").write_text(text, encoding="utf-8")
            build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1)
    finally:
        stop.set()
        reader.join()
    assert troubles == []
    assert seen <= {(number + 1, total + number, total + number) for number in range(4)}
    assert len(seen) > 1


def test_a_killed_run_changes_nothing_and_is_cleaned_up(on_cluster: Settings, door: Cluster, tmp_path: Path) -> None:
    """Killed as soon as its index exists: the alias stays where it was, and the next run removes the half."""
    archive, index_dir = tmp_path / "archive", tmp_path / "index"
    write_sample(archive)
    before = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1)
    names = ("engine", "opensearch_url", "opensearch_index", "opensearch_shards", "opensearch_replicas")
    environ = {**os.environ, **{f"SEARCH_APP_{name.upper()}": on_cluster.text(name) for name in names}}
    command = [sys.executable, "-m", "search_app", "index", str(archive), "--index", str(index_dir), "--full"]
    log = tmp_path / "run.log"
    killed = False
    for _ in range(6):
        # A quick run may be over before it is seen; then it has served, and the next one is tried.
        served = str(door.serving_index())
        with log.open("w") as output:
            run = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        while run.poll() is None and door.own_indices()[-1] == served:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        killed = run.wait() == -signal.SIGKILL
        if killed:
            break
    assert killed, log.read_text()
    assert door.serving_index() == served != door.own_indices()[-1]
    assert OpenSearchEngine(on_cluster).search(SearchRequest()).total == before.articles
    after = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1, full=True)
    assert after.articles == before.articles
    assert door.own_indices() == [served, str(door.serving_index())]


def test_the_commands_speak_of_the_cluster(
    archive: Path,
    on_cluster: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("engine", "opensearch_url", "opensearch_index", "opensearch_replicas"):
        monkeypatch.setenv(f"SEARCH_APP_{name.upper()}", on_cluster.text(name))
    monkeypatch.setenv("SEARCH_APP_INDEX", str(tmp_path / "index"))
    assert main(["search", "strike"]) == 1
    assert "There is no index “publishing” on the cluster" in capsys.readouterr().err
    assert main(["index", str(archive), "--jobs", "1"]) == 0
    assert "new, 0 changed" in capsys.readouterr().out
    assert main(["search", "strike"]) == 0
    assert main(["status"]) == 0
    told = capsys.readouterr().out
    assert "Cluster status" in told and "Nodes" in told and "publishing-00000001" in told
    monkeypatch.setenv("SEARCH_APP_OPENSEARCH_URL", "http://127.0.0.1:9")
    assert main(["index", str(archive)]) == 1
    error = capsys.readouterr().err
    assert "The OpenSearch cluster http://127.0.0.1:9 cannot be used" in error and "Traceback" not in error
