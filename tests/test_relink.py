"""Parts of an archive link as the whole does, and nothing else changes than what an update looks at: at random."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from linker_pages import edge, news, random_pages

from search_app.archive import Article, Linker, Page
from search_app.archive.graph import Graph
from search_app.index.changes import State, state_of
from search_app.index.memory import Memory
from search_app.index.relink import Part
from search_app.index.update import affected, current_now, spellings


def linker_of(pages: Iterable[Page]) -> Linker:
    linker = Linker()
    for page in pages:
        linker.add(page)
    return linker


def edited(pages: list[Page], rng: random.Random) -> list[Page]:
    """Return the pages of an archive of which some changed, some are gone and some are new."""
    others = {page.file: page for page in random_pages(rng)}
    share = rng.choice((0.1, 0.3, 0.9))
    kept = [others.get(page.file, page) if rng.random() < share else page for page in pages if rng.random() > share / 3]
    held = {page.file for page in kept}
    return kept + [page for page in others.values() if page.file not in held and rng.random() < share / 2]


class Twice:
    """An archive before and after some edits, as whole graphs and as one memory of both."""

    def __init__(self, old: list[Page], new: list[Page]) -> None:
        self.linkers = linker_of(old), linker_of(new)
        self.graphs = self.linkers[0].graph(), self.linkers[1].graph()
        memory = self.memory = Memory.of(self.linkers[0])
        memory.current = np.array(self.graphs[0].current, np.int64)
        memory.labels = {name: label for name, label in self.graphs[0].labels.items() if name != label}
        stay = {page.file for page in old} & {page.file for page in new if page in old}
        rows = [file in stay for file in sorted(self.linkers[0].facts)]
        pages = [file in stay for file in sorted(self.linkers[0].listings)]
        memory.take(linker_of(page for page in new if page.file not in stay))
        columns = memory.columns
        first = np.arange(len(columns.rows)) < len(rows), np.arange(len(columns.pages)) < len(pages)
        masks = [
            np.array([*mask, *[True] * (count - len(mask))], bool)
            for mask, count in ((rows, len(columns.rows)), (pages, len(columns.pages)))
        ]
        self.was, _ = state_of(memory, *first)
        self.now, self.skipped = state_of(memory, *masks)
        self.now.current = current_now(memory, self.was, self.now)
        self.now.labels = spellings(memory, self.now)

    def articles(self, which: int) -> dict[str, Article]:
        """Return every article before (0) or after (1), by path, as the whole archive gives it."""
        graph = self.graphs[which]
        return {graph.path(node): graph.article(node) for node in graph.documents}

    def paths(self, nodes: Iterable[int]) -> list[str]:
        """Return the paths of some nodes of the memory."""
        return list(self.memory.path_texts(nodes).values())


def superseded(twice: Twice, state: State) -> dict[str, str]:
    older = np.flatnonzero(state.current != np.arange(len(state.current))).tolist()
    newer = [int(state.current[node]) for node in older]
    paths = twice.memory.path_texts([*older, *newer])
    return {paths[a]: paths[b] for a, b in zip(older, newer, strict=True)}


def respelled(graph: Graph) -> dict[str, str]:
    return {name: label for name, label in graph.labels.items() if name != label}


@pytest.mark.parametrize("part", range(10))
def test_an_update_finds_what_whole_archives_differ_in(part: int, rng: random.Random) -> None:
    for _ in range(40):
        old = random_pages(rng)
        twice = Twice(old, edited(old, rng))
        before, after = twice.articles(0), twice.articles(1)
        documents = np.flatnonzero(twice.now.documents)
        assert set(twice.paths(documents.tolist())) == after.keys()
        assert superseded(twice, twice.now) == twice.graphs[1].superseded()
        assert twice.now.labels == respelled(twice.graphs[1])
        assert twice.skipped == twice.graphs[1].skipped
        near = affected(twice.memory, twice.was, twice.now)
        looked_at = set(twice.paths(np.flatnonzero(near).tolist()))
        differing = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        assert differing <= looked_at


@pytest.mark.parametrize("part", range(10))
def test_a_part_links_as_the_whole_does(part: int, rng: random.Random) -> None:
    for _ in range(20):
        old = random_pages(rng)
        twice = Twice(old, edited(old, rng))
        articles = twice.articles(1)
        documents = np.flatnonzero(twice.now.documents)
        for size in (1, 3, len(documents)):
            nodes = np.array(sorted(rng.sample(documents.tolist(), min(size, len(documents)))), np.int64)
            made = Part(twice.memory, twice.now, nodes)
            for node, path in zip(nodes.tolist(), twice.paths(nodes.tolist()), strict=True):
                assert made.graph.article(made.local(node)) == articles[path]


LINKS = (edge("b", "Kestria"), edge("c", "Ardenia"))


def reached(pages: list[Page], **edit: Any) -> set[str]:
    """Return the articles that an update looks at where the first page is edited."""
    twice = Twice(pages, [replace(pages[0], **edit), *pages[1:]])
    near = affected(twice.memory, twice.was, twice.now)
    return {path.rpartition("/")[2] for path in twice.paths(np.flatnonzero(near).tolist())}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({"summary": "Nobody was hurt."}, "a"),
        ({"headline": "Cranes stand still"}, "a"),
        ({"topic": "Halvik"}, "a"),
        ({"edges": (edge("b", "Kestria"), edge("c", "Halvik"))}, "ac"),
        ({"edges": ()}, "abc"),
        ({"date": date(2031, 3, 9)}, "abc"),
    ],
)
def test_an_edit_reaches_only_whom_it_may_concern(edit: dict[str, Any], expected: str) -> None:
    """Who is linked to as before is as before: only links, days, versions and spellings go further."""
    pages = [news("a", edges=LINKS), news("b"), news("c"), news("d", edges=(edge("b", "Kestria"),))]
    assert reached(pages, **edit) == set(expected)


def test_a_spelling_reaches_all_who_bear_it() -> None:
    """Of two that are equally frequent the first by name is in force: here the new one."""
    pages = [news("a", edges=LINKS), news("b"), news("c"), news("d", topic="Ardenia")]
    assert reached(pages, topic="KESTRIA") == {"a", "b"}
    assert reached(pages, topic="kestria") == {"a"}
