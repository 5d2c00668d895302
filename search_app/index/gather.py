"""One pass over articles, in as many processes as there are: what a segment needs of each, in flat arrays.

In: articles by number. Out: ``Part``s in the order of the articles, the same whatever the number of processes. This is
all of a build that looks at articles one by one; what follows works on columns.
"""

from __future__ import annotations

import multiprocessing
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import MappingProxyType

from ..archive.model import OPINION, Article
from ..archive.workers import Pool
from ..errors import WorkerDiedError
from .analysis import find_surfaces
from .inversion import Surfaces
from .records import (
    DICTIONARY_BLOCKS,
    RELATED_DOCS,
    STORED_DOCS,
    BlockPacker,
    encode_row,
    fingerprint,
    pack_article,
    pack_related,
    path_hash,
    train_dictionary,
)
from .schema import FACET_FIELDS

HAS_SUMMARY = 1
IS_OPINION = 2
HAS_VALUE = {"topic": 4, "context": 8, "source": 16}
"""The flag of a document that has a value in a facet."""
PART_DOCS = 256 * max(STORED_DOCS, RELATED_DOCS)
"""Articles a part: whole blocks, so that parts joined are what one pass would have written."""
_DOCS_A_PROCESS = 2 * PART_DOCS
"""For fewer articles than these another process does not pay."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Lists of small numbers, row by row: all numbers one after another, and how many each row has."""

    numbers: array[int]
    counts: array[int]


@dataclass(frozen=True, slots=True)
class Part:
    """What a segment needs of some consecutive articles. Numbers of surfaces and values hold within the part.

    surfaces : distinct surface forms. texts : by field, the surfaces of each document.
    values : by facet, distinct values. rows : by facet, the values of each document, in the article's order.
    keys : ``document_order`` of each document. old_paths : (hash of a superseded path, document).
    stored, related : compressed blocks.
    """

    start: int
    surfaces: list[str]
    texts: dict[str, Rows]
    values: dict[str, list[str]]
    rows: dict[str, Rows]
    keys: list[tuple[int, str]]
    flags: array[int]
    old_paths: list[tuple[int, int]]
    fingerprints: array[int]
    stored: list[bytes]
    related: list[bytes]


def document_order(article: Article) -> tuple[int, str]:
    """Return the sort key of documents in a segment: newest first, then by path. Equal scores rank in this order."""
    return -article.date.toordinal(), article.path


def learn_dictionary(articles: Sequence[Article]) -> bytes:
    """Return a dictionary for the stored rows of articles, learnt from blocks spread evenly over them."""
    count = len(articles) // STORED_DOCS
    chosen = sorted({number * count // DICTIONARY_BLOCKS for number in range(DICTIONARY_BLOCKS)}) if count else []
    docs = (doc for block in chosen for doc in range(block * STORED_DOCS, (block + 1) * STORED_DOCS))
    return train_dictionary([encode_row(pack_article(articles[doc])) for doc in docs])


def gather_part(
    articles: Sequence[Article], doc_of: Mapping[str, int], start: int, end: int, dictionary: bytes = b""
) -> Part:
    """Gather articles ``start`` to ``end`` (excluded). ``doc_of`` gives the document of each path of the segment."""
    surfaces = Surfaces()
    number_of = surfaces.__getitem__
    texts = {name: Rows(array("I"), array("I")) for name in ("headline", "summary")}
    value_numbers = {name: Surfaces() for name in FACET_FIELDS}
    rows = {name: Rows(array("I"), array("I")) for name in FACET_FIELDS}
    keys = []
    flags, fingerprints = array("B"), array("Q")
    old_paths: list[tuple[int, int]] = []
    stored, related = BlockPacker(STORED_DOCS, dictionary), BlockPacker(RELATED_DOCS)
    for doc in range(start, end):
        article = articles[doc]
        for text, into in ((article.headline, texts["headline"]), (article.summary, texts["summary"])):
            found = find_surfaces(text) if text else ()
            into.numbers.extend(map(number_of, found))
            into.counts.append(len(found))
        flag = (HAS_SUMMARY if article.summary else 0) | (IS_OPINION if article.kind == OPINION else 0)
        sources = dict.fromkeys([source.name for source in article.sources])
        topic = (article.topic,) if article.topic else ()
        for name, values in (("topic", topic), ("context", article.contexts), ("source", sources)):
            rows[name].numbers.extend(map(value_numbers[name].__getitem__, values))
            rows[name].counts.append(len(values))
            if values:
                flag |= HAS_VALUE[name]
        keys.append(document_order(article))
        flags.append(flag)
        old_paths += [(path_hash(v.path), doc) for v in article.versions if v.path != article.path]
        row = encode_row(pack_article(article))
        stored.add(row)
        fingerprints.append(fingerprint(article, row))
        related.add(encode_row(pack_related(article, doc_of)))
    return Part(
        start,
        list(surfaces),
        texts,
        {name: list(numbers) for name, numbers in value_numbers.items()},
        rows,
        keys,
        flags,
        old_paths,
        fingerprints,
        stored.blocks(),
        related.blocks(),
    )


def gather(articles: Sequence[Article], paths: Sequence[str], jobs: int, dictionary: bytes = b"") -> Iterator[Part]:
    """Yield the parts of all articles, in order.

    articles : may make each article when it is asked for. paths : their site paths. jobs : processes, at least 1.
    dictionary : for the stored rows.
    Raises WorkerDiedError where a process was killed: articles are never lost in silence.
    """
    doc_of = {path: doc for doc, path in enumerate(paths)}
    spans = [(start, min(start + PART_DOCS, len(paths))) for start in range(0, len(paths), PART_DOCS)]
    jobs = min(jobs, len(paths) // _DOCS_A_PROCESS + 1)
    if jobs <= 1:
        for start, end in spans:
            yield gather_part(articles, doc_of, start, end, dictionary)
        return
    # Forked, so that the articles need not be sent: a worker makes its own from what it shares with this process.
    context = multiprocessing.get_context("fork")
    waiting: deque[Future[Part]] = deque()
    done = 0
    try:
        with Pool(jobs, context, _start_worker, (articles, doc_of, dictionary)) as pool:
            for span in spans:
                waiting.append(pool.submit(_work, *span))
                # A few ahead keep the workers busy; more would only pile up in this process.
                if len(waiting) > jobs + 1:
                    part = pool.result(waiting.popleft())
                    done += len(part.flags)
                    yield part
            while waiting:
                part = pool.result(waiting.popleft())
                done += len(part.flags)
                yield part
    except BrokenProcessPool:
        raise WorkerDiedError(done, len(paths), "articles") from None


class _Shared:
    """What a worker was started with."""

    articles: Sequence[Article] = ()
    doc_of: Mapping[str, int] = MappingProxyType({})
    dictionary: bytes = b""


_shared = _Shared()


def _start_worker(articles: Sequence[Article], doc_of: Mapping[str, int], dictionary: bytes) -> None:
    _shared.articles, _shared.doc_of, _shared.dictionary = articles, doc_of, dictionary


def _work(start: int, end: int) -> Part:
    return gather_part(_shared.articles, _shared.doc_of, start, end, _shared.dictionary)
