"""What an index on a cluster looks like: its settings, its fields, and the document that an article becomes.

In: articles. Out: JSON. Text is analysed here, by the analysis of the embedded index, and sent as tokens; the cluster
only splits them where they are joined. So both engines match the same words, whatever version either side has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from ...archive.model import Article, Related
from ...index.analysis import VALUE_GAP, Analysed, analyse_surface, find_surfaces, fold
from ...index.records import pack_article, unpack_article
from ...index.schema import FACET_FIELDS, TEXT_FIELDS, schema_fingerprint
from ...index.writer import value_order

MAPPING = 2
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
                    "no_digits": {"type": "pattern_replace", "pattern": ".*\\p{Nd}.*", "replacement": ""},
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
            # Tokens can be made again from the record; keeping them would double the size of what is stored.
            "_source": {"includes": ["record"]},
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
        tokens = _analysed(surface)
        pair = self[surface] = (
            JOINT.join(token.stem for token in tokens),
            JOINT.join(token.folded for token in tokens),
        )
        return pair


_analysed: Callable[[str], tuple[Analysed, ...]] = lru_cache(maxsize=8192)(analyse_surface)
MAX_REMEMBERED = 200_000
"""Surface forms whose tokens are remembered, about 40 MB; the archive's commonest are among the first."""


class DocumentMaker:
    """Makes documents of articles, remembering the tokens of words."""

    def __init__(self) -> None:
        self._tokens = _Tokens()

    @staticmethod
    def id_of(article: Article) -> str:
        """Return the id of an article's document."""
        return document_id(article.path)

    def document(self, article: Article, fingerprint: int, seen: tuple[int, int]) -> dict[str, Any]:
        """Return the document of an article.

        seen : when it was first in the index and when it was last found changed, in seconds since 1970.
        Cost: about 60 µs.
        """
        if len(self._tokens) > MAX_REMEMBERED:
            self._tokens.clear()
        sources = list(dict.fromkeys(source.name for source in article.sources))
        values = {"topic": [article.topic] if article.topic else [], "context": article.contexts, "source": sources}
        texts: dict[str, Iterable[str]] = {**values, "headline": [article.headline], "summary": [article.summary]}
        row = pack_article(article)
        document: dict[str, Any] = {
            "path": article.path,
            "day": article.date.toordinal(),
            "month": article.date.year * 12 + article.date.month - 1,
            "changed": seen[1] or None,
            "fingerprint": f"{fingerprint:016x}",
            "record": {**pack_record(article, row), "seen": seen},
        }
        for name, parts in texts.items():
            pairs = [self._pair(part) for part in parts if part]
            document[name] = [stems for stems, _ in pairs]
            document[name + EXACT] = [folded for _, folded in pairs]
        for name, names in values.items():
            document[name + KEY] = [value_key(value) for value in names]
        lacking = [name for name, names in values.items() if not names]
        document["lacks"] = lacking if article.summary else [*lacking, "summary"]
        old = {version.path for version in article.versions if version.path != article.path}
        document["old_paths"] = sorted(map(document_id, old))
        return document

    def _pair(self, text: str) -> tuple[str, str]:
        pairs = [self._tokens[surface] for surface in find_surfaces(text)]
        # A surface that analysis leaves nothing of takes no position.
        kept = [pair for pair in pairs if pair[0]]
        return JOINT.join([stems for stems, _ in kept]), JOINT.join([folded for _, folded in kept])


def pack_record(article: Article, row: list[Any] | None = None) -> dict[str, Any]:
    """Return an article as it is stored on the cluster; ``unpack_record`` gives it back, field for field."""
    return {
        "row": pack_article(article) if row is None else row,
        "day": article.date.toordinal(),
        "topic": article.topic,
        "contexts": article.contexts,
        "related": [[link.path, link.headline, link.contexts] for link in article.related],
    }


def unpack_record(record: dict[str, Any]) -> Article:
    """Return the article of a stored record."""
    related = tuple(Related(path, headline, tuple(shared)) for path, headline, shared in record["related"])
    return unpack_article(record["row"], record["day"], record["topic"], tuple(record["contexts"]), related)
