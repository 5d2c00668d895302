"""The linker against a plain second one, over archives at random, the small one and real ones; and real articles."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from linker_pages import random_pages
from plain_linker import plain_link

from search_app.archive import link, read_archive, read_pages, walk_archive
from search_app.archive.model import (
    NEWS,
    Page,
    Version,
)


def assert_linked_alike(pages: list[Page]) -> None:
    linked = link(pages)
    articles, superseded = plain_link(pages)
    assert list(linked.articles) == articles
    assert linked.superseded == superseded


@pytest.mark.parametrize("part", range(10))
def test_random_archives_link_as_the_plain_linker_says(part: int, rng: random.Random) -> None:
    for _ in range(60):
        pages = random_pages(rng)
        assert_linked_alike(pages)
        shuffled = pages[:]
        rng.shuffle(shuffled)
        again, linked = link(shuffled), link(pages)
        assert (list(again.articles), again.superseded) == (list(linked.articles), linked.superseded)
        assert again.skipped == linked.skipped


def pages_of(root: Path) -> list[Page]:
    """Every page, with all headlines, as the plain linker wants them."""
    found = list(read_pages(root, walk_archive(root).files, known=(), jobs=1))
    assert all(isinstance(item, Page) for item in found)
    return [item for item in found if isinstance(item, Page)]


def test_the_small_archive_links_as_the_plain_linker_says(archive: Path) -> None:
    assert_linked_alike(pages_of(archive))


@pytest.mark.corpus
@pytest.mark.slow
def test_thousands_of_articles_link_as_the_plain_linker_says(corpus: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    command = [sys.executable, str(corpus / "make_archive.py"), str(root), "--years", "2017", "--limit", "3000"]
    subprocess.run(command, check=True, capture_output=True)
    articles, superseded = plain_link(pages_of(root))
    linked = read_archive(root)
    assert list(linked.articles) == articles
    assert linked.superseded == superseded
    assert len(articles) == 3000
    assert len(superseded) > 20


@pytest.mark.corpus
@pytest.mark.slow
def test_the_chinese_archive_links_as_the_plain_linker_says(chinese_archive: Path) -> None:
    articles, superseded = plain_link(pages_of(chinese_archive))
    linked = read_archive(chinese_archive)
    assert list(linked.articles) == articles
    assert linked.superseded == superseded
    assert len(articles) == 2864
    assert linked.skipped == ()
    assert {article.language for article in articles} == {"zh"}


# The seeds: real articles, and every context that the three files tell of each


def told_contexts(files: dict[str, str], target: str) -> set[str]:
    """Return the contexts of one article by the rule, read from the raw text of all files with its own few lines."""
    contexts = set(re.findall(r"^##### (.+)$", files[target], re.MULTILINE))
    for file, text in files.items():
        for link_to, names in re.findall(r"\]\((/news/\S+)\.md\) _Context: (.+)_$", text, re.MULTILINE):
            if file == target or link_to == "/" + target.removesuffix(".md"):
                contexts |= set(names.split(", "))
    return contexts


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("day", "contexts"),
    [
        (
            "2016/04/28",
            {"Russia", "Staffan de Mistura", "Syria", "Syrian peace process", "United Nations", "United States"},
        ),
        ("2017/01/16", {"Astana", "Kazakhstan", "Syrian Civil War", "Syrian government", "Syrian peace process"}),
        (
            "2017/01/23",
            {
                "Astana",
                "Kazakhstan",
                "Syrian Civil War",
                "Syrian government",
                "Syrian opposition",
                "Syrian peace process",
            },
        ),
    ],
)
def test_a_seed_has_every_context_that_can_be_known_of_it(corpus: Path, day: str, contexts: set[str]) -> None:
    root = corpus / "seeds"
    files = {str(file.relative_to(root)): file.read_text("utf-8") for file in root.rglob("*.md")}
    target = next(file for file in files if day in file)
    article = next(article for article in read_archive(root).articles if article.file == target)
    assert set(article.contexts) == told_contexts(files, target) == contexts
    assert article.contexts[:1] == ((article.topic,) if article.topic else article.contexts[:1])


@pytest.mark.corpus
def test_a_seed_gives_a_context_to_an_article_that_another_seed_links_to_without_it(corpus: Path) -> None:
    root = corpus / "seeds"
    articles = {article.date: article for article in read_archive(root).articles}
    first, second = articles[date(2017, 1, 16)], articles[date(2017, 1, 23)]
    shared = {item.path: item for item in first.related}.keys() & {item.path: item for item in second.related}.keys()
    without = [item for item in first.related if item.path in shared and "Syrian opposition" not in item.contexts]
    given = [item for item in second.related if item.path in shared and "Syrian opposition" in item.contexts]
    assert {item.path for item in given} <= {item.path for item in without}
    assert given
    # Were there a file for it, it would have the context, from the other end of that edge.
    target = given[0]
    pages = [item for item in read_pages(root, walk_archive(root).files, known=(), jobs=1) if isinstance(item, Page)]
    pages.append(Page(NEWS, target.path, target.path[1:] + ".md", "en", date(2016, 5, 30), headline=target.headline))
    found = next(article for article in link(pages).articles if article.path == target.path)
    assert set(found.contexts) == {"Syrian government", "Syrian opposition", "Syrian peace process"}


@pytest.mark.corpus
def test_both_seeds_with_a_history_show_their_first_version(corpus: Path) -> None:
    linked = read_archive(corpus / "seeds")
    versions: dict[date, tuple[Version, ...]] = {article.date: article.versions for article in linked.articles}

    def shown(day: date) -> list[tuple[str, str, bool]]:
        return [(item.changed, item.note, item.current) for item in versions[day]]

    assert shown(date(2017, 1, 16)) == [("2017-08-27 03:47:37", "First version", False), ("", "Current version", True)]
    assert shown(date(2017, 1, 23)) == [("2018-02-06 13:49:30", "First version", False), ("", "Current version", True)]
    assert versions[date(2016, 4, 28)] == ()
    assert len(linked.superseded) == 2
