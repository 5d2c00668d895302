"""Suggestions: what typed text may become, in a table that is made with a generation and read where it lies.

In: the segments of a generation. Out: one file beside them, with every topic, context, source and word of headlines,
ranked, and filed under the words that they hold. A reader maps it; nothing is made or copied before somebody types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zstandard

from ..errors import IndexDamagedError
from .analysis import STOP_WORDS, find_surfaces, fold, is_dense
from .files import FileSystem, MemoryFiles
from .manifest import SegmentEntry
from .postings import DocColumn, Run
from .schema import FACET_FIELDS, schema_fingerprint
from .sections import Array, SectionFile, SectionWriter, Strings, narrow
from .segment import Segment
from .writer import value_order, write_docs

SUGGESTIONS = "suggestions"
FORMAT = "suggestions 1"
WORD = "word"
KINDS = (*FACET_FIELDS, WORD)
MAX_SUFFIXES = 24
"""In a script without spaces every character may begin a word; in a run of it, so many do."""
TOKENS_AT_ONCE = 2**18
"""Tokens of headlines counted in one step: keeps the table's making below 20 MB whatever the archive holds."""
BLOCK_ENTRIES = 64
LEVEL = 6

Mask = npt.NDArray[np.bool_]
Part = tuple[Segment, Mask | None]
Entry = tuple[str, str, int]
"""Text, kind, number of articles."""


# -- reading -------------------------------------------------------------------------------------------------------


class Suggestions:
    """The table of one generation. Any number of threads may read it.

    Entries are numbered by rank (frequency, then kind, then name), so that the lowest numbers are the best. Keys are
    the words that entries hold, as ``key_of`` writes them, in order.
    """

    def __init__(self, file: SectionFile) -> None:
        """Open a table. Raises IndexDamagedError where it does not hold what was written, or is of another version."""
        if file.meta.get("format") != FORMAT or file.meta.get("schema") != schema_fingerprint():
            raise IndexDamagedError(file.path, f"it is not in the form {FORMAT} of this version")
        self._entries = int(file.meta["entries"])
        self._path = file.path
        self._keys = Strings(file, "keys")
        self._starts = file.array("starts")
        self._filed = DocColumn(file, "filed")
        self._blob, self._blocks = file.array("blocks.blob").data, file.array("blocks.off")

    def __len__(self) -> int:
        return self._entries

    def beginning(self, prefix: str) -> npt.NDArray[np.intp]:
        """Return the entries that hold a word which begins so, in no order; one may be named more than once.

        prefix : as ``key_of`` writes a word. Cost: some 40 comparisons, then O(entries returned).
        """
        first, last = self._keys.range_of_prefix(prefix.encode("utf-8", "surrogatepass"))
        return self._filed.slice(int(self._starts[first]), int(self._starts[last]))

    def read(self, numbers: Sequence[int]) -> list[Entry]:
        """Return some entries. Cost: about 30 µs for each block of 64 that one of them lies in."""
        opened: dict[int, tuple[list[str], list[int], list[int]]] = {}
        entries = []
        for number in numbers:
            block, at = divmod(number, BLOCK_ENTRIES)
            if block not in opened:
                opened[block] = self._block(block)
            texts, kinds, counts = opened[block]
            entries.append((texts[at], KINDS[kinds[at]], counts[at]))
        return entries

    def all(self) -> list[Entry]:
        """Return every entry, the best first."""
        entries: list[Entry] = []
        for block in range(len(self._blocks) - 1):
            texts, kinds, counts = self._block(block)
            entries += zip(texts, [KINDS[kind] for kind in kinds], counts, strict=True)
        return entries

    def filed_under(self) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return all keys, sorted; where the entries of each begin; and the entries, ascending within a key."""
        return self._keys.all(), self._starts.astype(np.int64), self._filed.all().astype(np.int64)

    def raw_blocks(self) -> list[bytes]:
        """Return the entries as they are stored, ``BLOCK_ENTRIES`` together."""
        ends = self._blocks.tolist()
        return [bytes(self._blob[a:b]) for a, b in zip(ends, ends[1:], strict=False)]

    def _block(self, block: int) -> tuple[list[str], list[int], list[int]]:
        raw = self._blob[int(self._blocks[block]) : int(self._blocks[block + 1])]
        texts, kinds, counts = json.loads(zstandard.decompress(raw))
        return texts, kinds, counts

    def problems(self) -> list[str]:
        """Read everything and return what makes no sense in it, a sentence each."""
        found = []
        keys = self._keys.all()
        if any(a >= b for a, b in zip(keys, keys[1:], strict=False)):
            found.append("the keys are not in order")
        starts, filed = self._starts.astype(np.int64), self._filed.all()
        if len(starts) != len(keys) + 1 or starts[0] or starts[-1] != len(filed) or np.any(np.diff(starts) < 0):
            found.append("the keys do not fit what is filed under them")
        if len(filed) and int(filed.max()) >= len(self):
            found.append("a key leads past the entries")
        try:
            entries = self.all()
        except (ValueError, IndexError, zstandard.ZstdError) as error:
            found.append(f"an entry cannot be read ({error})")
        else:
            counts = [count for _, _, count in entries]
            if any(a < b for a, b in zip(counts, counts[1:], strict=False)):
                found.append("the entries are not in order")
        return [f"{self._path.name}: {problem}" for problem in found]


def check_suggestions(file: SectionFile) -> list[str]:
    """Return what is wrong with a table whose checksums hold, a sentence each."""
    try:
        return Suggestions(file).problems()
    except IndexDamagedError as error:
        return [f"{file.path.name}: {error.problem}"]
    except (ValueError, IndexError) as error:
        # Numbers that lead outside an array, bytes that are no text.
        return [f"{file.path.name}: makes no sense ({error})"]


def key_of(surface: str) -> str:
    """Return what a word is filed under: without accents, case, and the marks inside acronyms and numbers."""
    return fold(surface).replace(".", "").replace(",", "")


# -- making --------------------------------------------------------------------------------------------------------


def write_suggestions(path: Path, parts: Sequence[Part], files: FileSystem) -> SegmentEntry:
    """Make the table of some segments, each with its live documents (None for all), and return its manifest entry.

    Cost: about 0.7 s for 113,422 articles with 121,000 entries, which take 2.5 MB.
    """
    texts, kinds, counts = _ranked(parts)
    keys, starts, filed = _file_under_keys(texts)
    spans = (slice(start, start + BLOCK_ENTRIES) for start in range(0, len(texts), BLOCK_ENTRIES))
    blocks = [pack_block(texts[span], kinds[span].tolist(), counts[span].tolist()) for span in spans]
    return write_table(path, len(texts), keys, starts, filed, blocks, files)


def write_table(
    path: Path, entries: int, keys: list[str], starts: Array, filed: Array, blocks: Sequence[bytes], files: FileSystem
) -> SegmentEntry:
    """Write a table. entries : how many; the rest is as ``Suggestions`` gives it."""
    writer = SectionWriter(path, files)
    try:
        writer.add_strings("keys", keys)
        writer.add("starts", narrow(starts))
        write_docs(writer, "filed", filed, entries)
        writer.add_bytes("blocks.blob", b"".join(blocks))
        writer.add("blocks.off", narrow(np.cumsum([0, *map(len, blocks)])))
        meta = {"format": FORMAT, "schema": schema_fingerprint(), "entries": entries}
        size = writer.finish(meta)
    except BaseException:
        writer.abandon()
        raise
    return SegmentEntry(path.name, size, entries)


def make_suggestions(parts: Sequence[Part]) -> Suggestions:
    """Make the same table in memory, for a generation that came without one."""
    files = MemoryFiles()
    path = Path("suggestions")
    write_suggestions(path, parts, files)
    return Suggestions(SectionFile(path, data=bytes(files.held[path.name])))


def _ranked(parts: Sequence[Part]) -> tuple[list[str], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return text, kind and count of every entry, the best first."""
    texts: list[str] = []
    kinds, counts = [], []
    for kind, name in enumerate(KINDS):
        total = count_names(parts, kind)
        names = sorted(total) if name == WORD else sorted(total, key=value_order)
        texts += names
        kinds.append(np.full(len(names), kind, np.uint8))
        counts.append(np.fromiter((total[text] for text in names), np.int64, len(names)))
    every = np.concatenate(counts)
    # In order of kind, then of name, so that a stable sort by frequency leaves equals so.
    ranking = np.argsort(-every, kind="stable")
    return [texts[at] for at in ranking.tolist()], np.concatenate(kinds)[ranking], every[ranking]


def count_names(parts: Sequence[Part], kind: int) -> dict[str, int]:
    """Return the names of one of ``KINDS`` and how many live documents have each, those that none has left out."""
    return _headline_words(parts) if KINDS[kind] == WORD else _values(parts, KINDS[kind])


def name_order(kind: int, name: str) -> tuple[str, str]:
    """Return the sort key of names of one of ``KINDS`` that are equally frequent."""
    return (name, "") if KINDS[kind] == WORD else value_order(name)


def _values(parts: Sequence[Part], field: str) -> dict[str, int]:
    """Return the values of a facet and how many live documents have each, those that none has left out."""
    total: dict[str, int] = {}
    for segment, live in parts:
        column, facets = segment.columns[field], segment.facets
        if live is None:
            counts = column.counts()
        else:
            rows = facets.rows_of(np.flatnonzero(live))
            every = np.bincount(rows, minlength=len(facets.value_starts) - 1)
            counts = every[column.base : column.base + len(column.values)]
        held = np.flatnonzero(counts)
        for name, count in zip(column.values.some(held), counts[held].tolist(), strict=True):
            total[name] = total.get(name, 0) + count
    return total


def _headline_words(parts: Sequence[Part]) -> dict[str, int]:
    """Return the words of headlines and how many live documents have each in theirs.

    Left out: stop words, single letters, possessives, and pieces of scripts without spaces, which are no words.
    """
    total: dict[str, int] = {}
    for segment, live in parts:
        counts = _count_forms(segment, np.ones(segment.docs, bool) if live is None else live)
        held = np.flatnonzero(counts)
        for spelled, count in zip(segment.spelled(held), counts[held].tolist(), strict=True):
            if _is_worth_offering(spelled):
                total[spelled] = total.get(spelled, 0) + count
    return total


def _is_worth_offering(word: str) -> bool:
    return len(word) > 1 and word not in STOP_WORDS and not word.endswith("'s") and not is_dense(word)


def _count_forms(segment: Segment, live: Mask) -> npt.NDArray[np.int64]:
    """Return in how many live documents each form of a segment stands in the headline. Shape (n_forms,)."""
    field = segment.fields["headline"]
    forms_by_term = np.lexsort((segment.form_locals, segment.form_terms)).astype(np.int32)
    first_form = np.searchsorted(segment.form_terms[forms_by_term], field.terms)
    counts = np.zeros(len(segment.forms), np.int64)
    starts, ends = field.posting_ranges(np.arange(len(field.terms)))
    at = 0
    while at < len(field.terms):
        # As many terms as hold about TOKENS_AT_ONCE postings; one at least.
        upto = max(at + 1, int(np.searchsorted(ends, starts[at] + TOKENS_AT_ONCE, "right")))
        first, last = field.run_at(at), field.run_at(upto - 1)
        run = Run(first.posting_start, last.posting_end, first.token_start, last.token_end)
        chosen = np.flatnonzero(live[field.docs(run)])
        tokens = field.frequencies(run)[chosen].astype(np.int64)
        chosen += first.posting_start
        base = first_form[np.searchsorted(ends, chosen, "right")]
        forms = forms_by_term[np.repeat(base, tokens) + field.token_ranks(chosen)]
        # Only a word that stands in a headline more than once can count twice.
        owners = np.repeat(np.arange(len(tokens)), tokens)
        again = np.flatnonzero(tokens[owners] > 1)
        _, firsts = np.unique(owners[again] * len(counts) + forms[again], return_index=True)
        kept = np.ones(len(forms), bool)
        kept[again] = False
        kept[again[firsts]] = True
        counts += np.bincount(forms[kept], minlength=len(counts))
        at = upto
    return counts


def _file_under_keys(texts: Sequence[str]) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return all keys, sorted; where the entries of each begin; and the entries, ascending within a key."""
    number_of: dict[str, int] = {}
    numbers_of_surface: dict[str, tuple[int, ...]] = {}
    filed: list[int] = []
    entries: list[int] = []
    for entry, text in enumerate(texts):
        if text.isalnum() and text.isascii():
            # Most texts are one plain word, which is its own key in lower case.
            filed.append(number_of.setdefault(text.lower(), len(number_of)))
            entries.append(entry)
            continue
        for surface in find_surfaces(text):
            numbers = numbers_of_surface.get(surface)
            if numbers is None:
                numbers = tuple(number_of.setdefault(key, len(number_of)) for key in _keys_of(surface))
                numbers_of_surface[surface] = numbers
            filed += numbers
            entries += [entry] * len(numbers)
    # The order of characters is that of their bytes in UTF-8, in which they are looked up.
    ordered = sorted(number_of)
    place = np.empty(len(ordered), np.int64)
    place[np.fromiter((number_of[key] for key in ordered), np.int64, len(ordered))] = np.arange(len(ordered))
    placed = place[np.array(filed, np.int64)]
    by_key = np.argsort(placed, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(placed, minlength=len(ordered)))))
    return ordered, starts, np.array(entries, np.int64)[by_key]


def keys_of(text: str) -> list[str]:
    """Return the keys that an entry is filed under, one for each of its words."""
    if text.isalnum() and text.isascii():
        return [text.lower()]
    return [key for surface in find_surfaces(text) for key in _keys_of(surface)]


def _keys_of(surface: str) -> Iterable[str]:
    """Return the keys of a word: itself, and in a script without spaces one for each character that may begin one."""
    key = key_of(surface)
    return (key[start:] for start in range(min(len(key), MAX_SUFFIXES))) if is_dense(surface) else (key,)


def pack_block(texts: list[str], kinds: list[int], counts: list[int]) -> bytes:
    """Return some entries as they are stored."""
    return _compress(_encode([texts, kinds, counts]).encode())


_compress = zstandard.ZstdCompressor(level=LEVEL).compress
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
