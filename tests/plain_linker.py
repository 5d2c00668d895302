"""A second linker, written from the description of the format alone: dicts, sets and loops, slow and plain.

The tests hold the real one against it. It shares no code with the archive room but the records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from search_app.archive.model import Article, Page, Related, Version


def plain_link(pages: Iterable[Page]) -> tuple[list[Article], dict[str, str]]:
    """Return the articles, newest first, and ``{older version: current version}``."""
    documents, listings = _usable(list(pages))
    current, groups = _current(documents)

    # Who links to whom, and with what: (source, target, contexts, headline) in the order of each file.
    edges = {path: list(page.edges) for path, page in documents.items()}

    # Spelling: every mention in a file counts.
    mentions: Counter[str] = Counter()
    for page in documents.values():
        mentions.update([page.topic] if page.topic else [])
        for edge in page.edges:
            mentions.update(edge.contexts)
    for page in listings:
        for item in page.listings:
            mentions.update([item.topic] if item.topic else [])
            mentions.update(item.contexts)
    spelling: dict[str, str] = {}
    for name in sorted(mentions):
        key = name.casefold()
        if key not in spelling or mentions[name] > mentions[spelling[key]]:
            spelling[key] = name

    def spelled(names: Iterable[str]) -> list[str]:
        out: list[str] = []
        for name in names:
            name = spelling[name.casefold()]
            if name not in out:
                out.append(name)
        return out

    def newest_first(path: str) -> tuple[int, str]:
        day = documents[path].date
        assert day is not None
        return -day.toordinal(), path

    heads = sorted((path for path in documents if current.get(path, path) == path), key=newest_first)

    # The edges of an article are its own file's, then those of its older versions' files.
    joined: dict[str, list[tuple[str, list[str], str]]] = {}
    for head in heads:
        joined[head] = []
        for version in [head, *sorted(groups.get(head, set()) - {head})]:
            for edge in edges.get(version, []):
                target = current.get(edge.path, edge.path)
                joined[head].append((target, spelled(edge.contexts), edge.headline))
    incoming: dict[str, list[tuple[str, list[str]]]] = {}
    for head in heads:
        for target, contexts, _ in joined[head]:
            incoming.setdefault(target, []).append((head, contexts))
    listed: dict[str, list[tuple[str, list[str]]]] = {}
    for page in listings:
        for item in page.listings:
            target = current.get(item.path, item.path)
            listed.setdefault(target, []).append((item.topic, spelled(item.contexts)))

    articles = []
    for head in heads:
        page = documents[head]
        topics = [page.topic] + [topic for topic, _ in listed.get(head, [])]
        topics += [documents[path].topic for path in sorted(groups.get(head, set())) if path in documents]
        topic = next((spelling[topic.casefold()] for topic in topics if topic), "")
        contexts = [topic] if topic else []
        for _, names, _ in joined[head]:
            contexts += names
        for _, names in listed.get(head, []):
            contexts += names
        for _, names in incoming.get(head, []):
            contexts += names

        shared: dict[str, list[str]] = {}
        headlines: dict[str, str] = {}
        for target, names, headline in joined[head]:
            if target not in ("", head):
                shared.setdefault(target, []).extend(names)
                if headline and target not in documents:
                    headlines.setdefault(target, headline)
        own = list(shared)
        others: list[str] = []
        for source, names in incoming.get(head, []):
            if source == head:
                continue
            if source not in own and source not in others:
                if len(others) == 10:
                    continue
                others.append(source)
            shared.setdefault(source, []).extend(names)
        assert page.date is not None
        articles.append(
            Article(
                path=head,
                file=page.file,
                kind=page.kind,
                language=page.language,
                date=page.date,
                headline=page.headline,
                summary=page.summary,
                markup=page.markup,
                topic=topic,
                contexts=tuple(dict.fromkeys(contexts)),
                sources=page.sources,
                image=page.image,
                versions=_history(head, groups.get(head, set()), documents),
                related=tuple(
                    Related(path, headlines.get(path, ""), tuple(dict.fromkeys(shared[path]))) for path in own + others
                ),
            )
        )
    superseded = {path: head for head, paths in groups.items() for path in paths if path != head}
    return articles, superseded


def _usable(pages: list[Page]) -> tuple[dict[str, Page], list[Page]]:
    """One page for each address, and the day pages before the front pages."""
    documents: dict[str, Page] = {}
    for page in pages:
        if page.kind in ("news", "opinion"):
            rivals = [other for other in pages if other.path == page.path and other.kind in ("news", "opinion")]

            def misplaced(other: Page) -> tuple[bool, bool, str]:
                home = (other.path[1:] + ".md", other.path[1:] + "/index.md")
                return other.file not in home, not other.file.endswith("index.md"), other.file

            documents[page.path] = min(rivals, key=misplaced) if len(rivals) > 1 else page
    listings: list[Page] = []
    for kind in ("day", "front"):
        for page in sorted((page for page in pages if page.kind == kind), key=lambda page: page.file):
            twin = page.file[: -len("README.md")] + "index.md"
            if not page.file.endswith("README.md") or all(other.file != twin for other in pages):
                listings.append(page)
    return documents, listings


def _current(documents: dict[str, Page]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """``{path: path in force}`` for every path that is one of several versions, and ``{path in force: all}``."""
    groups: list[set[str]] = []
    for page in documents.values():
        if page.versions:
            group = {page.path} | {version.path for version in page.versions}
            for other in [other for other in groups if other & group]:
                group |= other
                groups.remove(other)
            groups.append(group)
    current: dict[str, str] = {}
    for group in groups:
        best: tuple[bool, tuple[str, int], tuple[str, int]] | None = None
        for path in sorted(group & documents.keys()):
            marks = [
                _weight(page)
                for page in documents.values()
                if any(version.path == path and version.current for version in page.versions)
            ]
            key = (bool(marks), max(marks, default=("", 0)), _weight(documents[path]))
            if best is None or key > best:
                best, head = key, path
        for path in group:
            current[path] = head

    # From the shortest headlines to the longest, so that each one finds where its tail has gone.
    heads = [path for path in documents if current.get(path, path) == path and documents[path].kind == "news"]
    gone: dict[str, str] = {}
    for path in sorted(heads, key=lambda path: len(documents[path].headline)):
        page = documents[path]
        for tail in _tails(page.headline):
            twins = sorted(
                other for other in heads if documents[other].headline == tail and documents[other].date == page.date
            )
            if twins:
                gone[path] = gone.get(twins[0], twins[0])
                break
    for path in heads:
        current.setdefault(path, path)
    current = {path: gone.get(head, head) for path, head in current.items()}
    members: dict[str, set[str]] = {}
    for path, head in current.items():
        members.setdefault(head, set()).add(path)
    members = {head: paths for head, paths in members.items() if len(paths) > 1}
    return {path: head for head, paths in members.items() for path in paths}, members


def _tails(headline: str) -> list[str]:
    """What is left of a headline behind one, two or three topics; a topic has at most 80 characters."""
    tails = []
    rest = headline
    for _ in range(3):
        ends = [at for at in (rest.find(": "), rest.find(". ")) if at >= 0]
        if not ends or min(ends) > 80:
            break
        rest = rest[min(ends) + 2 :]
        tails.append(rest)
    return tails


def _weight(page: Page) -> tuple[str, int]:
    """How much a file's list of versions knows: its newest change, and its length."""
    return max((version.changed for version in page.versions), default=""), len(page.versions)


def _history(head: str, paths: set[str], documents: dict[str, Page]) -> tuple[Version, ...]:
    """The versions of one event: by time, a line without one behind the line before it, the current one last."""
    told: dict[str, tuple[str, Version]] = {}
    for path in [head, *sorted(paths - {head})]:
        time = ""
        for version in documents[path].versions if path in documents else ():
            time = version.changed or time
            if version.path not in told:
                told[version.path] = (time, version)
            elif version.changed and not told[version.path][1].changed and version.path != head:
                # A line with a time says more, and keeps the place of the line that it replaces.
                told[version.path] = (time, version)
    for path in sorted(paths):
        if path in documents and path not in told:
            told[path] = ("", Version(path, documents[path].headline))
    if set(told) <= {head}:
        return ()
    older = [item for path, item in told.items() if path != head]
    older.sort(key=lambda item: item[0])
    own = told[head][1]
    return (
        *[Version(item.path, item.headline, item.changed, "" if item.current else item.note) for _, item in older],
        Version(head, documents[head].headline, own.changed, own.note, True),
    )
