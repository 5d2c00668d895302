"""Walking, reading in several processes, and everything that a folder can do to a build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from search_app.archive import FileStat, Folder, Page, Skipped, read_archive, read_pages, reader, walk, walk_archive
from search_app.archive.model import (
    BAD_NAME,
    FAILED,
    NEWS,
    NO_DATE,
    NO_HEADLINE,
    NOT_UTF8,
    OPINION,
    OUTSIDE,
    TOO_LARGE,
    UNREADABLE,
)
from search_app.archive.packing import Packer, unpack
from search_app.archive.paths import locate
from search_app.archive.reader import CHUNK_FILES, decode
from search_app.errors import ArchiveError, WorkerDiedError

NOBODY = 65534


@contextmanager
def as_plain_user() -> Iterator[None]:
    """Give up the superuser's rights for a while, since permissions do not bind them."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that any user can reach, which the one that pytest makes for the superuser is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def write(root: Path, file: str, text: str | bytes = "# A headline\n") -> Path:
    target = root / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return target


def many(root: Path, count: int) -> Path:
    """Write an archive of ``count`` articles that link to each other, with a bad one and a doubled day page in it."""
    for n in range(count):
        lines = "".join(
            f"1. [Headline {other}](/news/2031/03/{other % 28 + 1}/a{other}.md) _Context: C{other % 7}, C{n % 5}_\n"
            for other in (n - 1, n + 1, n * 7 % (count + 50))
        )
        text = f"##### Topic {n % 3}\n# Headline {n}\n\n### Related:\n\n{lines}"
        write(root, f"news/2031/03/{n % 28 + 1}/a{n}.md", text if n % 97 else "nothing")
    for name in ("index.md", "README.md"):
        write(root, f"news/2031/03/4/{name}", "### [x](/news/2031/03/4/a3.md)\n_Context: Listed_\n")
    return root


# The walk


def test_the_walk_is_sorted_and_passes_over_what_is_no_archive(tmp_path: Path) -> None:
    for file in (
        "news/2031/03/4/b.md",
        "news/2031/03/4/a.md",
        "news/2031/03/4/index.md",
        "news/2031/03/10/a.md",
        "index.md",
        "opinion/2031/03/4/o/index.md",
    ):
        write(tmp_path, file)
    for file in ("faq/index.md", "api/index.md", ".git/x.md", "news/.hidden.md", "news/2031/03/4/a.html", "notes.txt"):
        write(tmp_path, file)
    found = walk_archive(tmp_path)
    assert [item.file for item in found.files] == [
        "index.md",
        "news/2031/03/10/a.md",
        "news/2031/03/4/a.md",
        "news/2031/03/4/b.md",
        "news/2031/03/4/index.md",
        "opinion/2031/03/4/o/index.md",
    ]
    status = (tmp_path / "index.md").stat()
    assert found.files[0] == FileStat("index.md", status.st_size, status.st_mtime_ns)
    assert found.skipped == ()


def spread(root: Path) -> Path:
    """Write an archive of some folders in which something of each kind is skipped."""
    for day in range(1, 25):
        write(root, f"news/2031/03/{day}/a.md")
        write(root, f"opinion/2031/03/{day}/on-quays/index.md")
    write(root, "news/2031/03/4/long.md", "# Long\n" + "and so on " * 400)
    write(root, os.fsdecode(b"news/2031/03/5/caf\xe9.md"))
    (root / "news/2031/03/6/outside.md").symlink_to(root.parent)
    (root / "news/2031/03/7/dangling.md").symlink_to("nowhere.md")
    return root


def test_any_number_of_processes_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = spread(tmp_path / "archive")
    alone = walk_archive(root, 3000)
    assert (len(alone), len(alone.files), len(alone.skipped)) == (48, 48, 4)
    looked_into: list[str] = []
    look_into = walk._Walker.look_into

    def told(self: walk._Walker, path: str) -> list[str]:
        looked_into.append(path)
        return look_into(self, path)

    monkeypatch.setattr(walk, "_FILES_ALONE", 5)
    monkeypatch.setattr(walk._Walker, "look_into", told)
    assert walk_archive(root, 3000, jobs=2) == alone
    assert len(looked_into) < len(alone.folders)


def test_a_walk_whose_process_is_killed_is_an_error_and_no_lost_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = spread(tmp_path / "archive")
    look_into, parent = walk._Walker.look_into, os.getpid()

    def dies(self: walk._Walker, path: str) -> list[str]:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return look_into(self, path)

    monkeypatch.setattr(walk, "_FILES_ALONE", 5)
    monkeypatch.setattr(walk._Walker, "look_into", dies)
    with pytest.raises(WorkerDiedError, match="died after 0 of"):
        walk_archive(root, jobs=2)


def test_an_archive_may_be_named_by_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real", "news/2031/03/4/a.md")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(read_archive(tmp_path / "link").articles) == 1


def test_links_inside_are_followed_to_files_and_links_outside_are_skipped(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    write(root, "news/2031/03/4/a.md")
    write(tmp_path, "secret.md", "# Secret")
    (root / "news/2031/03/4/inside.md").symlink_to("a.md")
    (root / "news/2031/03/4/outside.md").symlink_to(tmp_path / "secret.md")
    (root / "news/2031/03/4/dangling.md").symlink_to("nowhere.md")
    (root / "news/2031/03/4/loop.md").symlink_to("loop.md")
    (root / "news/2032").symlink_to(root / "news/2031")
    (root / "news/up").symlink_to(root)
    linked = read_archive(root)
    assert [article.file for article in linked.articles] == ["news/2031/03/4/a.md", "news/2031/03/4/inside.md"]
    assert [(item.file, item.reason) for item in linked.skipped] == [
        ("news/2031/03/4/dangling.md", UNREADABLE),
        ("news/2031/03/4/loop.md", UNREADABLE),
        ("news/2031/03/4/outside.md", OUTSIDE),
    ]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, "news/2031/03/4/a.md")
    os.mkfifo(tmp_path / "news/2031/03/4/pipe.md")
    assert len(read_archive(tmp_path).articles) == 1


def test_a_name_that_is_not_utf8_is_skipped_and_can_be_printed(tmp_path: Path) -> None:
    write(tmp_path, "news/2031/03/4/a.md")
    write(tmp_path, os.fsdecode(b"news/2031/03/4/caf\xe9.md"))
    skipped = walk_archive(tmp_path).skipped
    assert [(item.file, item.reason) for item in skipped] == [("news/2031/03/4/caf\\xe9.md", BAD_NAME)]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda root: root / "missing", "does not exist", id="missing"),
        pytest.param(lambda root: write(root, "file.md"), "is not a folder", id="a file"),
        pytest.param(lambda root: root, "holds no article", id="empty"),
        pytest.param(
            lambda root: write(root, "news/2031/03/4/index.md").parents[4], "holds no article", id="only days"
        ),
        pytest.param(lambda root: write(root, "faq/index.md").parents[1], "holds no article", id="only pages"),
        pytest.param(
            lambda root: write(root, "news/2031/03/4/a.md", "nothing").parents[4], "a.md: no headline", id="none usable"
        ),
        pytest.param(lambda root: root / "null\0byte", "cannot be read", id="impossible name"),
        pytest.param(lambda root: root / ("x" * 300), "cannot be read", id="name too long"),
    ],
)
def test_an_archive_that_cannot_be_used_says_why(tmp_path: Path, make: Callable[[Path], Path], words: str) -> None:
    with pytest.raises(ArchiveError, match=words) as caught:
        read_archive(make(tmp_path))
    assert "\n" not in str(caught.value)


def test_an_unreadable_archive_says_so(open_path: Path) -> None:
    root = open_path / "archive"
    write(root, "news/2031/03/4/a.md")
    root.chmod(0)
    try:
        with as_plain_user(), pytest.raises(ArchiveError, match="permission denied"):
            read_archive(root)
    finally:
        root.chmod(0o755)


def test_unreadable_files_and_folders_are_skipped_and_named(open_path: Path) -> None:
    write(open_path, "news/2031/03/4/a.md")
    secret = write(open_path, "news/2031/03/4/secret.md")
    folder = write(open_path, "news/2031/03/5/b.md").parent
    secret.chmod(0)
    folder.chmod(0)
    try:
        with as_plain_user():
            linked = read_archive(open_path)
    finally:
        folder.chmod(0o755)
    assert [article.file for article in linked.articles] == ["news/2031/03/4/a.md"]
    assert linked.skipped == (
        Skipped("news/2031/03/4/secret.md", UNREADABLE, "permission denied"),
        Skipped("news/2031/03/5", UNREADABLE, "permission denied"),
    )


# Files that cannot be used


def test_bad_files_are_skipped_by_reason_and_stop_nothing(tmp_path: Path) -> None:
    files = {
        "a-good.md": b"# Good",
        "b-empty.md": b"",
        "c-latin.md": "# Caf\u00e9 \u00e0 la cr\u00e8me br\u00fbl\u00e9e \u00e9t\u00e9".encode("latin-1"),
        "d-utf16.md": "# Good".encode("utf-16"),
        "e-large.md": b"# Large\n" + b"x" * 2000,
        "f-binary.md": bytes(range(256)) * 4,
        "g-null.md": b"#\0 \0A\0\n\0",
    }
    for name, data in files.items():
        write(tmp_path, f"news/2031/03/4/{name}", data)
    write(tmp_path, "news/undated.md", "# Undated")
    linked = read_archive(tmp_path, max_file_bytes=1024 + 512)
    assert [article.headline for article in linked.articles] == ["Good"]
    assert {item.file.rpartition("/")[2]: item.reason for item in linked.skipped} == {
        "b-empty.md": NO_HEADLINE,
        "c-latin.md": NOT_UTF8,
        "d-utf16.md": NOT_UTF8,
        "e-large.md": TOO_LARGE,
        "f-binary.md": NOT_UTF8,
        "g-null.md": NOT_UTF8,
        "undated.md": NO_DATE,
    }
    assert [item.file for item in linked.skipped] == sorted(item.file for item in linked.skipped)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        ("\ufeffmark".encode(), "mark"),
        ("青石".encode(), "青石"),
        (b"three \xff\xfe\x80 bad", "three \ufffd\ufffd\ufffd bad"),
        (b"a" * 1000 + b"\xff" * 20, "a" * 1000 + "\ufffd" * 20),
        (b"a" * 1000 + b"\xff" * 21, None),
        ("kept \ufffd".encode() + b"\xff", "kept \ufffd\ufffd"),
        (b"\xff\xfea\0", None),
        (b"cut \xe9\x9d", "cut \ufffd"),
        (b"one \0 null", "one \0 null"),
        (b"", ""),
    ],
)
def test_decode(data: bytes, text: str | None) -> None:
    assert decode(data) == text


def test_a_file_that_vanishes_after_the_walk_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, "news/2031/03/4/a.md")
    gone = write(tmp_path, "news/2031/03/4/gone.md")
    swapped = write(tmp_path, "news/2031/03/4/swapped.md")
    files = walk_archive(tmp_path).files
    gone.unlink()
    swapped.unlink()
    swapped.mkdir()
    results = list(read_pages(tmp_path, files, jobs=1))
    assert [item.reason if isinstance(item, Skipped) else item.headline for item in results] == [
        "A headline",
        UNREADABLE,
        UNREADABLE,
    ]


def test_a_file_that_grows_after_the_walk_is_still_bounded(tmp_path: Path) -> None:
    file = write(tmp_path, "news/2031/03/4/a.md")
    files = walk_archive(tmp_path).files
    file.write_bytes(b"# A\n" + b"x" * 3_000_000)
    (result,) = read_pages(tmp_path, files, jobs=1, max_file_bytes=1_000_000)
    assert isinstance(result, Skipped)
    assert result.reason == TOO_LARGE
    (page,) = read_pages(tmp_path, files, jobs=1, max_file_bytes=4_000_000)
    assert isinstance(page, Page)
    assert len(page.summary) == 3_000_000


def test_a_slip_of_the_parser_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "news/2031/03/4/a.md", "# Good")
    write(tmp_path, "news/2031/03/4/b.md", "# Fatal")
    parse_page = reader.parse_page

    def slips(text: str, *rest: object) -> Page:
        if "Fatal" in text:
            raise ZeroDivisionError("by zero")
        return parse_page(text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "parse_page", slips)
    linked = read_archive(tmp_path, jobs=1)
    assert len(linked.articles) == 1
    assert linked.skipped == (Skipped("news/2031/03/4/b.md", FAILED, "ZeroDivisionError: by zero"),)


def test_a_readme_is_read_only_where_the_index_beside_it_is_of_no_use(tmp_path: Path) -> None:
    write(tmp_path, "news/2031/03/4/a.md")
    write(tmp_path, "news/2031/03/4/index.md", b"\xff\xfe\0\0")
    write(tmp_path, "news/2031/03/4/README.md", "##### Told\n### [A](/news/2031/03/4/a.md)\n")
    linked = read_archive(tmp_path)
    assert [article.topic for article in linked.articles] == ["Told"]
    assert [item.file for item in linked.skipped] == ["news/2031/03/4/index.md"]
    write(tmp_path, "news/2031/03/4/index.md", "##### Better\n### [A](/news/2031/03/4/a.md)\n")
    assert [article.topic for article in read_archive(tmp_path).articles] == ["Better"]


def test_a_link_to_a_file_that_cannot_be_used_keeps_its_headline(tmp_path: Path) -> None:
    write(tmp_path, "news/2031/03/4/a.md", "# A\n\n### Related:\n\n1. [Told by a](/news/2031/03/4/b.md) _Context: C_")
    write(tmp_path, "news/2031/03/4/b.md", "no headline")
    (article,) = read_archive(tmp_path).articles
    assert [(item.headline, item.contexts) for item in article.related] == [("Told by a", ("C",))]


ODD_FILES = (
    "news/2031/03/4/plain.md",
    "zh/news/2031/03/4/in-a-language.md",
    "news/2031/3/04/padded.md",
    "news/2031/02/31/no-day.md",
    "news/2031/03/4/Łódź.md",
    "news/2031/03/4/a#b.md",
    "news/2031/03/4/index.md",
    "news/2031/03/index.md",
    "index.md",
    "news/README.md",
    "zh/news/2031/03/4/index.md",
    "opinion/2031/03/4/on-quays/index.md",
    "news/2031/03/4/x/README.md",
    "opinion/2031/03/4/on-quays/README.md",
    "opinion/2031/03/4/on-docks.md",
    "news/stray.md",
    "news/2031/03/4/deep/er.md",
    "news/2031/03/4/index.md.md",
    "faq/index.md",
    "news/2031/03/4/.md",
    "api/2031/03/4/plain.md",
)


def test_the_paths_that_have_a_file_are_those_that_files_are_located_at() -> None:
    located = {locate(file).path for file in ODD_FILES if locate(file).kind in (NEWS, OPINION)}
    folders: dict[str, Folder] = {}
    for file in sorted(ODD_FILES):
        path, _, name = file.rpartition("/")
        for column, told in zip(folders.setdefault(path, Folder(path, [], [], []))[1:], (name, 1, 1), strict=True):
            column.append(told)
    known = reader.KnownPaths(folders.values())
    asked = {locate(file).path for file in ODD_FILES} | {f"/{file}"[:-3] for file in ODD_FILES} | {"", "/", "news"}
    asked |= {path[1:] for path in asked} | {f"x{path}" for path in asked} | {"/news/2031/03/4/never"}
    assert {path for path in asked if path in known} == located
    assert len(located) >= 10


# Processes


@pytest.mark.parametrize("count", [2, CHUNK_FILES, 3 * CHUNK_FILES + 5])
def test_any_number_of_processes_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(reader, "_FILES_A_PROCESS", 1)
    root = many(tmp_path, count)
    files = walk_archive(root).files
    alone = list(read_pages(root, files, jobs=1))
    calls: list[tuple[int, int]] = []
    together = list(read_pages(root, files, jobs=3, progress=lambda done, total: calls.append((done, total))))
    assert together == alone
    assert [item.file for item in alone] == [item.file for item in files if not item.file.endswith("README.md")]
    assert calls == sorted(calls)
    assert calls[-1] == (len(alone), len(alone))
    one, three = read_archive(root, jobs=1), read_archive(root, jobs=3)
    assert list(one.articles) == list(three.articles)
    assert (one.superseded, one.days, one.skipped, one.files) == (
        three.superseded,
        three.days,
        three.skipped,
        three.files,
    )


def test_other_threads_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_FILES_A_PROCESS", 1)
    root = many(tmp_path, 2 * CHUNK_FILES)
    files = walk_archive(root).files
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        together = list(read_pages(root, files, jobs=2))
    finally:
        done.set()
        thread.join()
    assert together == list(read_pages(root, files, jobs=1))


def test_a_reading_can_be_left_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_FILES_A_PROCESS", 1)
    root = many(tmp_path, 3 * CHUNK_FILES)
    pages = read_pages(root, walk_archive(root).files, jobs=2)
    assert isinstance(next(pages), Page | Skipped)
    pages.close()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        next(pages)


def test_a_killed_worker_is_an_error_and_no_lost_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_FILES_A_PROCESS", 1)
    root = many(tmp_path, 4 * CHUNK_FILES)
    parse_page, parent = reader.parse_page, os.getpid()

    def dies(text: str, file: str, *rest: object) -> Page:
        if file.endswith("/a500.md") and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return parse_page(text, file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "parse_page", dies)
    with pytest.raises(WorkerDiedError, match="died after") as caught:
        read_archive(root, jobs=2)
    assert caught.value.done < caught.value.total == 4 * CHUNK_FILES + 1


def test_packing_gives_back_the_page(archive: Path) -> None:
    pages = [page for page in read_pages(archive, walk_archive(archive).files, known=()) if isinstance(page, Page)]
    for numbers in ({}, {page.path: number for number, page in enumerate(pages)}):
        packer = Packer(numbers)
        rows = [packer.pack(page) for page in pages]
        assert [
            unpack(page.file, row, list(numbers), packer.sets) for page, row in zip(pages, rows, strict=True)
        ] == pages
    assert any(page.edges for page in pages)
    assert any(page.listings for page in pages)


def test_an_archive_read_on_its_own_leaves_no_process_behind(tmp_path: Path) -> None:
    root = many(tmp_path, 2 * CHUNK_FILES)
    script = f"""
        import multiprocessing
        from search_app.archive import reader
        reader._FILES_A_PROCESS = 1
        linked = reader.read_archive({str(root)!r}, jobs=2)
        print(len(linked.articles), len(linked.skipped), multiprocessing.active_children())
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    skipped = len(range(0, 2 * CHUNK_FILES, 97))
    assert (done.stdout, done.stderr) == (f"{2 * CHUNK_FILES - skipped} {skipped} []\n", "")
