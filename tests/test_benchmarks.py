"""The benchmarks measure what they say: every contender answers, and like is compared with like."""

from __future__ import annotations

import json
import os
import select
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from benchmarks import growth, hardest, pages, peer_datasette, update
from benchmarks.contender import BEST, Answer, Contender, agree, by_name, highest
from benchmarks.contenders import all_contenders
from benchmarks.measure import PAGE, SEARCH, DisagreementError, compare, time_rounds
from benchmarks.ours import Ours
from benchmarks.peer_whoosh import Whoosh
from benchmarks.processes import Server, family, memory_of, most_resident
from benchmarks.queries import FUZZY, KINDS, PHRASE, SAME_MEANING, WILDCARD, Question, draw_mixed, draw_typical
from benchmarks.subset import copy_articles
from benchmarks.table import NOT_MEASURED, Row, markdown, megabytes, milliseconds
from search_app.archive import Article, read_archive
from search_app.index.generation import open_snapshot
from search_app.sample import write_sample

UNKNOWN_KINDS = {"sqlite-fts5": {WILDCARD, FUZZY}}
NAMES = ("search-app", "tantivy", "sqlite-fts5", "whoosh")
RUN = Path(__file__).resolve().parent.parent / "benchmarks" / "run.py"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "archive"
    write_sample(folder)
    return folder


@pytest.fixture(scope="module")
def articles(sample: Path) -> list[Article]:
    return list(read_archive(sample, jobs=1).articles)


@pytest.fixture(scope="module")
def contenders(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Contender]]:
    work = tmp_path_factory.mktemp("indexes")
    found = {contender.name: contender for contender in all_contenders()}
    for name, contender in found.items():
        contender.build(sample, work / name)
        contender.open(work / name)
    yield found
    for contender in found.values():
        contender.close()


def contender_of(contenders: dict[str, Contender], name: str) -> Contender:
    if name not in contenders:
        pytest.skip(f"{name} is not installed; the extra bench installs it")
    return contenders[name]


# -- questions ------------------------------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_questions_and_another_seed_others(articles: list[Article]) -> None:
    assert draw_typical(articles, 7) == draw_typical(articles, 7) != draw_typical(articles, 8)
    assert draw_mixed(articles, 7) == draw_mixed(articles, 7) != draw_mixed(articles, 8)
    assert len(draw_typical(articles, 7)) == 20
    assert len(draw_mixed(articles, 7)) == 300


def test_mixed_questions_are_of_every_kind(articles: list[Article]) -> None:
    assert {question.kind for question in draw_mixed(articles, 7, len(KINDS))} == set(KINDS)


def test_every_typical_question_has_a_hit(contenders: dict[str, Contender], articles: list[Article]) -> None:
    for question in draw_typical(articles, 7):
        answer = contenders["search-app"].search(question)
        assert answer is not None
        assert answer.total > 0, question


def test_questions_without_words_to_draw_from_are_refused(articles: list[Article]) -> None:
    wordless = [replace(articles[0], headline="42", topic="")]
    with pytest.raises(ValueError, match="plain words"):
        draw_typical(wordless, 7)


# -- contenders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_contender_answers_every_kind_it_knows(
    name: str, contenders: dict[str, Contender], articles: list[Article]
) -> None:
    contender = contender_of(contenders, name)
    hits = dict.fromkeys(KINDS, 0)
    for question in draw_mixed(articles, 7, 10 * len(KINDS)):
        answer = contender.search(question)
        if question.kind in UNKNOWN_KINDS.get(name, ()):
            assert answer is None
            continue
        assert answer is not None
        assert answer.best == min(answer.total, BEST)
        assert sum(answer.years.values()) == answer.total
        hits[question.kind] += answer.total
    assert {kind for kind, total in hits.items() if not total} == UNKNOWN_KINDS.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_the_search_with_its_hits_marked(
    name: str, contenders: dict[str, Contender], articles: list[Article]
) -> None:
    contender = contender_of(contenders, name)
    marks = 0
    for question in draw_typical(articles, 7):
        found, page = contender.search(question), contender.page(question)
        assert found is not None
        assert page is not None
        assert agree(found, page)
        assert found.shown == ()
        assert len(page.shown) == page.best
        marks += sum("<mark>" in text or "<b" in text for hit in page.shown for text in hit)
    assert marks > 0


def test_counts_of_stock_whoosh_with_our_analysis_equal_ours(
    contenders: dict[str, Contender], articles: list[Article]
) -> None:
    questions = [*draw_typical(articles, 7), *draw_mixed(articles, 7, 120)]
    agreements = compare([contenders["search-app"], contenders["whoosh"]], questions)
    asked = sum(question.kind in SAME_MEANING for question in questions)
    assert agreements["whoosh"].asked == agreements["whoosh"].same == asked


@pytest.mark.parametrize("name", ["tantivy", "sqlite-fts5"])
def test_counts_of_other_analyses_are_near_ours(
    name: str, contenders: dict[str, Contender], articles: list[Article]
) -> None:
    questions = draw_typical(articles, 7)
    agreement = compare([contenders["search-app"], contender_of(contenders, name)], questions)[name]
    assert agreement.asked == len(questions)
    assert agreement.same >= 0.8 * len(questions)


def test_a_difference_where_there_should_be_none_stops_the_run(
    contenders: dict[str, Contender], articles: list[Article], tmp_path: Path
) -> None:
    write_sample(tmp_path / "other", seed=2)
    other = Whoosh()
    other.build(tmp_path / "other", tmp_path / "index")
    other.open(tmp_path / "index")
    try:
        with pytest.raises(DisagreementError, match="whoosh and search-app answer"):
            compare([contenders["search-app"], other], draw_typical(articles, 7))
    finally:
        other.close()


def test_a_partial_match_is_no_hit_in_a_comparison(contenders: dict[str, Contender]) -> None:
    question = Question("words", ("harbour", "zzzzunheardof"))
    for contender in contenders.values():
        answer = contender.search(question)
        assert answer is not None
        assert answer.total == 0, contender.name


def test_contenders_are_chosen_by_name() -> None:
    assert [contender.name for contender in by_name(all_contenders(), ["whoosh", "search-app"])] == [
        "whoosh",
        "search-app",
    ]
    with pytest.raises(ValueError, match="no contender is called elsewhere"):
        by_name(all_contenders(), ["elsewhere"])


def test_a_contender_that_is_not_open_says_so() -> None:
    with pytest.raises(ValueError, match="open an index first"):
        Ours().search(Question(PHRASE, ("two", "words")))


# -- comparing and timing -------------------------------------------------------------------------------------------


def test_values_that_tie_with_the_last_one_shown_may_differ() -> None:
    counts = {f"value {n:02}": 100 - n for n in range(BEST - 1)}
    one, other = {**counts, "tied a": 1}, {**counts, "tied b": 1}
    assert highest(one) == highest(other)
    assert highest({**counts, "tied a": 2}) != highest(other)
    assert highest({"a": 1}) != highest({"b": 1})


def test_answers_agree_only_in_everything_that_is_counted() -> None:
    facets = {"topic": {"a": 2}, "context": {}, "source": {"s": 1}}
    answer = Answer(2, 2, facets, {2031: 2})
    assert agree(answer, replace(answer, best=1))
    assert not agree(answer, replace(answer, total=3))
    assert not agree(answer, replace(answer, years={2030: 2}))
    assert not agree(answer, replace(answer, facets={**facets, "source": {"s": 2}}))


def test_rounds_are_as_many_as_asked_for_and_slow_peers_get_fewer(
    contenders: dict[str, Contender], articles: list[Article]
) -> None:
    questions = draw_typical(articles, 7, 3)
    timed = time_rounds([contenders["search-app"], contenders["whoosh"]], questions, SEARCH, 3)
    assert {number: len(rounds) for number, rounds in timed["search-app"].seconds.items()} == {0: 3, 1: 3, 2: 3}
    assert {number: len(rounds) for number, rounds in timed["whoosh"].seconds.items()} == {0: 1, 1: 1, 2: 1}
    number, slowest = timed["search-app"].slowest
    assert slowest == timed["search-app"].medians()[number] >= timed["search-app"].mean > 0


def test_questions_a_contender_does_not_know_have_no_time(contenders: dict[str, Contender]) -> None:
    questions = [Question(WILDCARD, ("ha*r",)), Question(PHRASE, ("night", "shifts"))]
    timed = time_rounds([contenders["sqlite-fts5"]], questions, PAGE, 1)
    assert set(timed["sqlite-fts5"].seconds) == {1}


def test_memory_is_that_of_a_living_process_and_its_children() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in family(os.getpid())
        found = memory_of("self")
        assert found.resident >= found.shared >= found.private > 1_000_000
    finally:
        child.communicate(b"\n")
    assert memory_of(child.pid).resident == 0


def test_the_most_that_a_process_held_is_its_own_and_not_its_parents() -> None:
    held = bytearray(200_000_000)
    told = "from benchmarks.processes import most_resident; print(most_resident())"
    child = subprocess.run([sys.executable, "-c", told], cwd=RUN.parent.parent, check=True, capture_output=True)
    assert 1_000_000 < int(child.stdout) < len(held) < most_resident()


# -- table and command ----------------------------------------------------------------------------------------------


def test_a_table_gives_ratios_to_the_first_column_and_a_dash_for_what_is_missing() -> None:
    rows = [
        Row("search", {"ours": 0.002, "theirs": 0.005}, milliseconds),
        Row("size", {"ours": 58e6}, megabytes),
    ]
    assert markdown(rows, ["ours", "theirs"]).splitlines() == [
        "| what | ours | theirs |",
        "| --- | --- | --- |",
        "| search | 2.00 ms | 5.00 ms (2.5×) |",
        f"| size | 58 MB | {NOT_MEASURED} |",
    ]


def test_a_subset_is_whole_days_and_can_be_read(sample: Path, tmp_path: Path) -> None:
    folder = copy_articles(sample, tmp_path / "subset", 50)
    files = [path for path in folder.rglob("*.md") if path.stem not in ("index", "README")]
    assert 50 <= len(files) < 80
    assert 0 < len(read_archive(folder, jobs=1).articles) <= len(files)
    assert copy_articles(sample, folder, 10) == folder


@pytest.mark.slow
def test_one_command_prints_the_table(sample: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(RUN), "--archive", str(sample), "--quick", "--only", "sqlite-fts5"]
    for kept in (False, True):
        done = subprocess.run([*command, "--work", str(tmp_path)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "| what | search-app | sqlite-fts5 |" in done.stdout
        for label in (
            "full build",
            "index on disk",
            "faceted search",
            "slowest of 80",
            "/api/search",
            "resident memory",
        ):
            assert f"| {label}" in done.stdout
        assert ("Built in an earlier run" in done.stdout) is kept


def test_datasette_is_given_the_same_articles_in_a_form_that_it_searches(archive: Path, tmp_path: Path) -> None:
    count = peer_datasette.build(archive, tmp_path)
    articles = read_archive(archive).articles
    assert count == len(articles)
    db = sqlite3.connect(tmp_path / "news.db")
    found = db.execute("SELECT rowid FROM article_fts WHERE article_fts MATCH 'strike'").fetchall()
    assert found
    (schema,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'article_fts'").fetchone()
    assert 'content="article"' in schema
    lists = [json.loads(value) for (value,) in db.execute("SELECT context FROM article ORDER BY id")]
    assert lists == [list(article.contexts) for article in articles]
    db.close()


def test_pages_are_asked_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Answering:
        def __init__(self, body: bytes) -> None:
            self.body = body

        def connect(self) -> None:
            """Is always there."""

        def get(self, path: str) -> bytes:
            asked.append(path)
            return self.body

    servers = {"one": Answering(b"12"), "two": Answering(b"345")}
    times, sizes = pages.ask_in_turn(servers, {"one": ["a", "b"], "two": ["c", "d"]}, rounds=2)  # type: ignore[arg-type]
    assert sizes == {"one": [(2, 2), (2, 2)], "two": [(3, 3), (3, 3)]}
    assert [len(took) for took in times.values()] == [2, 2]
    assert [asked.count(path) for path in "abcd"] == [3] * 4
    assert asked[:4] == ["c", "a", "b", "d"]


def test_a_page_is_weighed_with_what_it_loads_once() -> None:
    page = b"""<link rel=stylesheet href="/s.css?a=1&amp;b=2"><link rel=icon href=/i><link rel=search href=/o>
        <script src="/s.js"></script><script>x()</script><script src="https://elsewhere.example/x.js"></script>"""
    bodies = {"/s.css?a=1&b=2": b"12", "/i": b"345", "/s.js": b"6789"}
    asked: list[str] = []

    class Answering:
        def get(self, path: str) -> bytes:
            asked.append(path)
            return bodies[path]

    known: dict[str, int] = {}
    for _ in range(2):
        assert pages.weigh(Answering(), page, known) == (len(page), len(page) + 9)  # type: ignore[arg-type]
    assert sorted(asked) == sorted(bodies)


def test_the_page_benchmark_shows_whole_pages_beside_datasette(archive: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasette", reason="datasette is not installed; it comes with the extra bench")
    questions = [Question("words", ("strike",)), Question("words", ("harbour", "strike"))]
    told = pages.report(archive, tmp_path, questions, 1, 13)
    assert "| result page, one client: median |" in told
    assert "| a page and all it loads: most |" in told
    assert "the totals of 2 questions are equal" in told


def test_the_hardest_queries_are_made_of_the_words_of_the_index(index_dir: Path) -> None:
    words = hardest.commonest(open_snapshot(index_dir), 12)
    assert len(set(words)) == 12
    queries = hardest.hardest(words)
    assert queries["all of the commonest words"].split() == words
    told = hardest.report(index_dir, 1)
    assert all(f"| {name} |" in told for name in queries)
    assert "the slowest median is" in told


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell a process's memory")
def test_the_growth_benchmark_sets_archives_of_several_sizes_side_by_side(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    growth.main(["--archive", str(sample), "--articles", "100", "--rounds", "1", "--work", str(tmp_path)])
    header, _, *rows = capsys.readouterr().out.splitlines()
    small, large = (int(cell.split()[0]) for cell in header.split("|")[2:4])
    assert 80 < small < large
    assert len(rows) == 12
    for row in rows:
        first, second = (float(cell.split()[0].replace(",", "")) for cell in row.split("|")[2:4])
        assert first > 0, row
        assert second > 0, row


def test_updates_are_timed_beside_a_full_build(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in sample.rglob("*.md")}
    update.main(["--archive", str(sample), "--articles", "150", "--work", str(tmp_path), "--rounds", "1"])
    told = capsys.readouterr().out
    assert "| what | full build | 0 changed | 1 changed | 100 changed |" in told
    differing = next(line for line in told.splitlines() if line.startswith("| articles new, changed or gone |"))
    full, nothing, one, hundred = (int(cell.split()[0]) for cell in differing.split("|")[2:-1])
    # Not every file is an article of its own: some are older versions, and some make others what they are.
    assert (full >= 100, nothing, one < 10, hundred >= 50) == (True, 0, True, True)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    copied = {path.relative_to(tmp_path / "archive") for path in (tmp_path / "archive").rglob("*.md")}
    assert all((tmp_path / "archive" / path).read_bytes() == before[sample / path][0] for path in copied)


class Impatient(BaseHTTPRequestHandler):
    """Keeps a connection after an answer, but not for long."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the name is the library's
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.connection.settimeout(0.05)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_server_that_ended_an_idle_connection_is_asked_over_another() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Impatient) as serving:
        thread = Thread(target=serving.serve_forever)
        thread.start()
        try:
            server = Server(os.getpid(), "127.0.0.1", serving.server_port)
            server.connect()
            assert server.get("/one") == b"/one"
            first = server._connection.sock
            assert select.select([first], [], [], 60)[0] == [first], "the server has ended it"
            assert server.get("/two") == b"/two"
            assert server._connection.sock is not first
            server.close()
        finally:
            serving.shutdown()
            thread.join()
