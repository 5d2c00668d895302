"""The commands check, rollback and prune over a cluster: what they find, mend, go back to and leave alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from search_app.cli import main
from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.cluster import Cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.request import SearchRequest
from search_app.index.generation import open_snapshot
from search_app.index.rollback import roll_back
from search_app.settings import Settings

from .contract import change_headline, remove_indices, written

ALIAS = "upkeep"
FIRST, SECOND, THIRD = (f"{ALIAS}-0000000{number}" for number in (1, 2, 3))
Told = tuple[int, str, str]
Run = Callable[..., Told]


@pytest.fixture
def index_dir(archive: Path, on_cluster: Settings, tmp_path: Path) -> Path:
    """A folder in which two builds went through, the second with another headline of one article."""
    folder = tmp_path / "index"
    build_on_cluster(archive, folder, settings=on_cluster, jobs=1)
    before = OpenSearchEngine(on_cluster).search(SearchRequest(per_page=1)).hits[0].headline
    change_headline(archive, before, "Lighthouse keeper writes an opera")
    assert build_on_cluster(archive, folder, settings=on_cluster, jobs=1).changed >= 1
    return folder


@pytest.fixture
def run(
    on_cluster: Settings, index_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command over the cluster; gives exit code, output and errors."""
    for name in ("engine", "opensearch_url", "opensearch_index", "opensearch_shards", "opensearch_replicas"):
        monkeypatch.setenv(f"SEARCH_APP_{name.upper()}", on_cluster.text(name))

    def command(*words: str, index: Path = index_dir) -> Told:
        capsys.readouterr()
        code = main([*words, "--index", str(index)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


def operas(settings: Settings) -> int:
    return OpenSearchEngine(settings).search(SearchRequest(q="lighthouse opera", as_typed=True)).total


def test_a_rollback_leads_the_alias_to_a_clone_of_the_index_before(
    run: Run, on_cluster: Settings, door: Cluster, archive: Path, index_dir: Path
) -> None:
    """Nothing is sent; the folder goes back too, so that the next build begins there; there is one way back."""
    assert operas(on_cluster) == 1
    code, told, trouble = run("rollback")
    assert (code, trouble) == (0, "")
    assert "generation 1 serves again, as generation 3; generation 2 is left behind." in told
    assert operas(on_cluster) == 0
    assert door.serving_index() == THIRD and door.own_indices() == [SECOND, THIRD]
    assert written(door, THIRD) == 0
    assert "rollback" in open_snapshot(index_dir).manifest.extra
    assert run("check")[0] == 0
    code, told, trouble = run("rollback")
    assert (code, told) == (1, "") and "no earlier generation" in trouble
    again = build_on_cluster(archive, index_dir, settings=on_cluster, jobs=1)
    assert again.published and again.changed >= 1 and operas(on_cluster) == 1


def test_a_rollback_that_ended_between_folder_and_cluster_is_finished_by_the_next(
    run: Run, on_cluster: Settings, index_dir: Path
) -> None:
    roll_back(index_dir)
    assert operas(on_cluster) == 1
    code, told, _ = run("rollback")
    assert code == 0 and "generation 1 serves again, as generation 3" in told
    assert operas(on_cluster) == 0


def test_what_the_cluster_has_lost_is_sent_again(run: Run, on_cluster: Settings, door: Cluster) -> None:
    door.remove(FIRST)
    code, told, _ = run("rollback")
    assert code == 0 and "it was sent once more and serves, as generation 3; generation 2 is left behind." in told
    assert operas(on_cluster) == 0


def test_a_check_reads_every_document(run: Run, door: Cluster) -> None:
    code, told, trouble = run("check")
    assert (code, trouble) == (0, "")
    assert "The index is sound: " in told and "documents, 2 tables" in told and "segments" in told
    door.request("PUT", f"/{SECOND}/_settings", {"index.blocks.write": None})
    found = door.search(SECOND, {"size": 1})["hits"]["hits"][0]["_id"]
    door.request("DELETE", f"/{SECOND}/_doc/{found}", refresh="true")
    door.request("DELETE", f"/{SECOND}-tables/_doc/vocabulary-0", refresh="true")
    code, told, trouble = run("check")
    assert (code, told) == (1, "")
    assert f"{SECOND} holds " in trouble and "table of vocabulary is not whole" in trouble
    assert trouble.endswith("search-app index ARCHIVE --full\n")


def test_a_check_sees_what_was_changed(run: Run, door: Cluster, tmp_path: Path) -> None:
    """On a machine that builds nothing too."""
    assert run("check", index=tmp_path / "elsewhere")[0] == 0
    meta = door.meta(SECOND)
    door.request("PUT", f"/{SECOND}/_mapping", {"_meta": {**meta, "content": "0" * 32}})
    code, _, trouble = run("check", index=tmp_path / "elsewhere")
    assert code == 1 and f"{SECOND} holds other articles than its build left there" in trouble


def test_pruning_keeps_what_serves_and_the_one_before(run: Run, door: Cluster) -> None:
    for number in (0, 7):
        door.request("PUT", f"/{ALIAS}-0000000{number}", {"settings": {"index": {"number_of_replicas": 0}}})
    left = [FIRST, SECOND]
    code, told, _ = run("prune", "--dry-run")
    assert code == 0 and f"{ALIAS}-00000000\n{ALIAS}-00000007\n2 files to remove" in told
    assert door.own_indices() == [f"{ALIAS}-00000000", *left, f"{ALIAS}-00000007"]
    assert "2 files removed" in run("prune")[1]
    assert door.own_indices() == left
    assert run("prune")[1].startswith("0 files removed")


def test_only_the_machine_that_builds_goes_back_or_prunes(run: Run, door: Cluster, tmp_path: Path) -> None:
    for command in ("rollback", "prune"):
        code, told, trouble = run(command, index=tmp_path / "elsewhere")
        assert (code, told) == (1, "") and "not the machine that builds" in trouble
    assert door.own_indices() == [FIRST, SECOND] and door.serving_index() == SECOND


def test_without_an_index_all_say_so(run: Run, on_cluster: Settings, index_dir: Path) -> None:
    remove_indices(on_cluster.text("opensearch_url"), ALIAS)
    for command in ("check", "rollback", "prune"):
        code, told, trouble = run(command)
        assert (code, told) == (1, "") and f"There is no index “{ALIAS}” on the cluster" in trouble
    assert "rollback" not in open_snapshot(index_dir).manifest.extra
