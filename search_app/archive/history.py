"""Versions of one event: which of them is the article, and in what order they came.

In: what each file says under *Changes*, and its headline. Out: for each path the path of the version in force, and
the history that an article's page shows.

Files contradict each other here: an older version's file names the version that was current when it was written. All
paths that lists have in common belong to one event. Of its versions that have a file, the article is the one marked
current by the list that knows of the newest change, then by the longest such list; where none is marked, the one whose
own list is newest and longest; and of equals the one with the smallest path.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from . import model
from .model import Version

MAX_TOPICS = 3
"""Topics that may stand before a headline: ``Topic: Subtopic: headline``."""

MAX_TOPIC_CHARS = 80
"""What is longer than this before a headline's colon or full stop is a sentence, not a topic."""

_PARTED = re.compile(r"[:.] ")


class Telling(Protocol):
    """The part of a file's facts that this module reads."""

    @property
    def kind(self) -> str: ...
    @property
    def ordinal(self) -> int: ...
    @property
    def headline(self) -> str: ...
    @property
    def versions(self) -> tuple[Version, ...]: ...


def current_versions(
    paths: Sequence[str], nodes: Mapping[str, int], facts: Mapping[int, Telling]
) -> tuple[array[int], dict[int, list[int]]]:
    """Return which version leads to which.

    paths : site path of each node; ``nodes`` is its inverse and knows every path that a version names.
    facts : what the files say, by node; nodes without a usable file are missing.
    Returns ``(current, members)``: for each node the node of the version in force, itself where there is no other; and
    for each article with other versions all their nodes, its own included, by path. Independent of any order.
    Cost: linear in the headlines and versions.
    """
    current = array("i", range(len(paths)))
    groups = _Groups()
    marks: dict[int, tuple[str, int]] = {}
    weights: dict[int, tuple[str, int]] = {}
    for node, fact in facts.items():
        if fact.versions:
            weight = weights[node] = (max(version.changed for version in fact.versions), len(fact.versions))
            for version in fact.versions:
                other = nodes[version.path]
                groups.join(node, other)
                if version.current:
                    marks[other] = max(marks.get(other, weight), weight)
    for group in groups.all():
        filed = [node for node in group if node in facts]
        best = max((node in marks, marks.get(node, ("", 0)), weights.get(node, ("", 0))) for node in filed)
        head = min(
            (node for node in filed if (node in marks, marks.get(node, ("", 0)), weights.get(node, ("", 0))) == best),
            key=paths.__getitem__,
        )
        for node in group:
            current[node] = head

    older = _topical_versions(paths, facts, (node for node in facts if current[node] == node))
    for node, newer in older.items():
        while newer in older:
            newer = older[newer]
        older[node] = newer
        current[node] = newer
    members: dict[int, list[int]] = {}
    for node in {*groups.nodes(), *older, *older.values()}:
        head = current[node] = current[current[node]]
        members.setdefault(head, []).append(node)
    for group in members.values():
        group.sort(key=paths.__getitem__)
    return current, members


def _topical_versions(paths: Sequence[str], facts: Mapping[int, Telling], heads: Iterable[int]) -> dict[int, int]:
    """Return ``{node: node of the newer version}`` for headlines that are another one's of that day behind its topics.

    A newer headline is always shorter, so no chain of these can close into a ring.
    """
    named: dict[tuple[int, str], int] = {}
    topical: list[int] = []
    for node in heads:
        fact = facts[node]
        if fact.kind == model.NEWS:
            key = (fact.ordinal, fact.headline)
            rival = named.get(key)
            if rival is None or paths[node] < paths[rival]:
                named[key] = node
            if ": " in fact.headline or ". " in fact.headline:
                topical.append(node)
    older: dict[int, int] = {}
    for node in topical:
        fact = facts[node]
        for tail in _tails(fact.headline):
            newer = named.get((fact.ordinal, tail))
            if newer is not None:
                older[node] = newer
                break
    return older


def _tails(headline: str) -> list[str]:
    """Return what is left of a headline without its first, first two, first three topics."""
    tails: list[str] = []
    start = 0
    for match in _PARTED.finditer(headline):
        if len(tails) == MAX_TOPICS or match.start() - start > MAX_TOPIC_CHARS:
            break
        start = match.end()
        tails.append(headline[start:])
    return tails


def history(
    head: int, members: Sequence[int], paths: Sequence[str], facts: Mapping[int, Telling]
) -> tuple[Version, ...]:
    """Return the versions of one event, oldest first, the one in force last.

    head : the node of the article; ``members`` are the nodes of all its versions, by path.
    The article's own list counts first; what only older files know is added, and versions that no list names but a
    headline gives away. A line without a time stands behind the line before it. ``()`` where there is but one version.
    """
    told: dict[str, tuple[str, Version]] = {}
    for node in (head, *(member for member in members if member != head)):
        since = ""
        for version in facts[node].versions if node in facts else ():
            since = version.changed or since
            held = told.get(version.path)
            if held is None or (version.changed and not held[1].changed and version.path != paths[head]):
                told[version.path] = (since, version)
    for node in members:
        if paths[node] not in told and node in facts:
            told[paths[node]] = ("", Version(paths[node], facts[node].headline))
    own = told.pop(paths[head])[1]
    if not told:
        return ()
    earlier = [
        Version(version.path, version.headline, version.changed, "" if version.current else version.note)
        for _, version in sorted(told.values(), key=lambda item: item[0])
    ]
    return (*earlier, Version(own.path, facts[head].headline, own.changed, own.note, current=True))


class _Groups:
    """Disjoint sets of nodes that grow together."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def join(self, one: int, other: int) -> None:
        """Put two nodes into one group."""
        one, other = self._root(one), self._root(other)
        self._parents[max(one, other)] = min(one, other)

    def nodes(self) -> Iterable[int]:
        """Return every node that was joined to one."""
        return self._parents

    def all(self) -> Iterable[list[int]]:
        """Return the groups."""
        groups: dict[int, list[int]] = {}
        for node in self._parents:
            groups.setdefault(self._root(node), []).append(node)
        return groups.values()

    def _root(self, node: int) -> int:
        parents = self._parents
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node
