"""What an index on a cluster looks like: its settings, its fields, and the document that an article becomes.

In: articles. Out: JSON. Text is analysed here, by the analysis of the embedded index, and sent as tokens; the cluster
only splits them where they are joined. So both engines match the same words, whatever version either side has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from ...archive.model import Article
from ...index.analysis import VALUE_GAP, analyse_again, find_surfaces, fold
from ...index.records import pack_article, pack_related, row_texts, unpack_article, unpack_related
from ...index.schema import FACET_FIELDS, TEXT_FIELDS, schema_fingerprint
from ...index.writer import value_order

MAPPING = 3
"""Version of what is said here: raise it whenever documents of two versions cannot lie in one index, or other tables
lie beside it."""
JOINT = "\n"
"""Stands between tokens; analysis never leaves one within a token."""
EXACT = "_exact"
LETTERS = "_exact.letters"
"""Words without a digit: what fuzzy words are looked for in."""
KEY = "_key"
KEY_JOINT = "\x1f"
MAX_KEY_CHARS = 4000
"""A term on the cluster may have 32,766 bytes; a name is filed twice in its key."""
MAX_TOKEN_CHARS = 8192


def mapping_fingerprint() -> str:
    """Return a short text that differs whenever an index on a cluster cannot be read by this version."""
    return f"{MAPPING}:{schema_fingerprint()}"


def index_body(shards: int, replicas: int) -> dict[str, Any]:
    """Return settings and mapping of a new index, set for loading: no copy and no refresh until it is complete."""
    text = {"type": "text", "analyzer": "tokens", "position_increment_gap": VALUE_GAP}
    letters = {"type": "text", "analyzer": "letters", "norms": False, "index_options": "docs"}
    unsearched = {"type": "keyword", "index": False}
    fields: dict[str, Any] = {
        "path": {"type": "keyword"},
        "old_paths": {"type": "keyword", "doc_values": False},
        "day": {"type": "integer"},
        "month": {"type": "integer"},
        "changed": {"type": "long"},
        "lacks": {"type": "keyword"},
        "fingerprint": unsearched,
        # The article as it is shown; nothing in it is searched.
        "record": {"type": "object", "enabled": False},
    }
    for name in TEXT_FIELDS:
        fields[name] = text
        fields[name + EXACT] = {**text, "fields": {"letters": letters}}
    for name in FACET_FIELDS:
        fields[name + KEY] = {"type": "keyword"}
    return {
        "settings": {
            "index": {
                "number_of_shards": shards,
                "number_of_replicas": replicas,
                "refresh_interval": "-1",
                "translog": {"durability": "async", "sync_interval": "5s"},
            },
            "analysis": {
                "tokenizer": {
                    "joined": {
                        "type": "char_group",
                        "tokenize_on_chars": [JOINT],
                        "max_token_length": MAX_TOKEN_CHARS,
                    }
                },
                "filter": {
                    # Looks once through a word, and no further than to its first digit.
                    "no_digits": {"type": "pattern_replace", "pattern": "^\\P{Nd}*+\\p{Nd}.*", "replacement": ""},
                    "not_empty": {"type": "length", "min": 1},
                },
                "analyzer": {
                    "tokens": {"type": "custom", "tokenizer": "joined"},
                    "letters": {"type": "custom", "tokenizer": "joined", "filter": ["no_digits", "not_empty"]},
                },
            },
        },
        "mappings": {
            "dynamic": "strict",
            # What was sent is kept as it is: of a source that leaves out the tokens, the cluster would keep the whole
            # as well, for copies that are made while it is written to.
            "properties": fields,
        },
    }


def document_id(path: str) -> str:
    """Return what identifies the document of a site path: a hash, since an id may have no more than 512 bytes."""
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def value_key(value: str) -> str:
    """Return what a facet value is filed under: in the order of keys, values are in the order of names."""
    return fold(value)[:MAX_KEY_CHARS] + KEY_JOINT + value[:MAX_KEY_CHARS]


def value_of_key(key: str) -> str:
    """Return the facet value of a key."""
    return key.partition(KEY_JOINT)[2]


def key_order(key: str) -> tuple[str, str]:
    """Return the sort key of facet values, for a value's key."""
    return value_order(value_of_key(key))


class _Tokens(dict[str, tuple[str, str]]):
    """Surface forms to their stems and their foldings, joined; each form is analysed once."""

    def __missing__(self, surface: str) -> tuple[str, str]:
        tokens = analyse_again(surface)
        pair = self[surface] = (
            JOINT.join(token.stem for token in tokens),
            JOINT.join(token.folded for token in tokens),
        )
        return pair


MAX_REMEMBERED = 200_000
"""Surface forms, and facet values, that are remembered, about 40 MB; the archive's commonest are among the first."""


class Stored(NamedTuple):
    """An article as a segment stores it, its related links by path.

    fingerprint : of all of it. seen : when it was first in the index and when it was last found changed, in seconds
    since 1970, 0 where nobody knows.
    """

    path: str
    day: int
    topic: str
    contexts: tuple[str, ...]
    row: list[Any]
    related: list[Any]
    fingerprint: int
    seen: tuple[int, int]


class _Value(NamedTuple):
    """A facet value as it is sent: the tokens of its words, and what it is filed under."""

    stems: str
    folded: str
    key: str


class DocumentMaker:
    """Makes documents of articles, remembering the tokens of words and of facet values."""

    def __init__(self) -> None:
        self._tokens = _Tokens()
        self._values: dict[str, _Value] = {}

    def document(self, stored: Stored) -> dict[str, Any]:
        """Return the document of an article. Cost: about 70 µs."""
        if len(self._tokens) > MAX_REMEMBERED:
            self._tokens.clear()
        if len(self._values) > MAX_REMEMBERED:
            self._values.clear()
        headline, summary, sources, versions = row_texts(stored.row)
        day = date.fromordinal(stored.day)
        record = _record(stored.day, stored.topic, stored.contexts, stored.row, stored.related, stored.seen)
        document: dict[str, Any] = {
            "path": stored.path,
            "day": stored.day,
            "month": day.year * 12 + day.month - 1,
            "changed": stored.seen[1] or None,
            "fingerprint": f"{stored.fingerprint:016x}",
            "record": record,
        }
        lacking = [] if summary else ["summary"]
        topics = [stored.topic] if stored.topic else []
        for name, names in (("topic", topics), ("context", stored.contexts), ("source", dict.fromkeys(sources))):
            values = [self._values.get(value) or self._value(value) for value in names]
            document[name] = [value.stems for value in values]
            document[name + EXACT] = [value.folded for value in values]
            document[name + KEY] = [value.key for value in values]
            if not values:
                lacking.append(name)
        for name, text in (("headline", headline), ("summary", summary)):
            document[name], document[name + EXACT] = self._pair(text)
        document["lacks"] = lacking
        document["old_paths"] = sorted(map(document_id, set(versions) - {stored.path}))
        return document

    def _value(self, value: str) -> _Value:
        made = self._values[value] = _Value(*self._pair(value), value_key(value))
        return made

    def _pair(self, text: str) -> tuple[str, str]:
        pairs = [self._tokens[surface] for surface in find_surfaces(text)]
        # A surface that analysis leaves nothing of takes no position.
        kept = [pair for pair in pairs if pair[0]]
        return JOINT.join([stems for stems, _ in kept]), JOINT.join([folded for _, folded in kept])


def _record(
    day: int, topic: str, contexts: Sequence[str], row: list[Any], related: list[Any], seen: tuple[int, int]
) -> dict[str, Any]:
    return {"row": row, "day": day, "topic": topic, "contexts": contexts, "related": related, "seen": seen}


def pack_record(article: Article) -> dict[str, Any]:
    """Return an article as it is stored on the cluster, never seen before; ``unpack_record`` gives it back."""
    row, related = pack_article(article), pack_related(article, {})
    return _record(article.date.toordinal(), article.topic, article.contexts, row, related, (0, 0))


def unpack_record(record: dict[str, Any]) -> Article:
    """Return the article of a stored record, field for field."""
    contexts = tuple(record["contexts"])
    related = unpack_related(record["related"], contexts)
    return unpack_article(record["row"], record["day"], record["topic"], contexts, related)
