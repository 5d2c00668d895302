"""The fields of a document: one table, and the Whoosh schema made from it.

Each searchable text field has a twin, ``<field>_exact``, that Whoosh sees as a field of its own: the same tokens, not
stemmed. Both are answered from the same arrays. Facet values are filed whole under ``<field>_key``.
"""

from __future__ import annotations

import hashlib
import json

from whoosh import fields

from .analysis import STEMMER, NewsTokenizer

TEXT_FIELDS = ("headline", "topic", "summary", "context", "source")
"""Fields that free words are looked for in."""
FACET_FIELDS = ("topic", "context", "source")
"""Fields that are counted and filtered by whole values."""
EXACT = "_exact"
KEY = "_key"
FORMAT = 4
"""Version of the files on disk; a reader refuses any other."""
ANALYSIS = 2
"""Version of ``index.analysis``: raise it whenever a text may give other tokens than before, for another reason than
another version of the stemmer, which a manifest names."""


def build_schema() -> fields.Schema:
    """Return the Whoosh schema of an index: what any ``whoosh.query`` may name.

    Dates are ISO text, ``2017-01-16``, so that a range of terms is a range of days.
    """
    schema = fields.Schema(path=fields.ID(stored=True), date=fields.ID(stored=True))
    for name in TEXT_FIELDS:
        schema.add(name, fields.TEXT(analyzer=NewsTokenizer(), phrase=True, stored=True))
        schema.add(name + EXACT, fields.TEXT(analyzer=NewsTokenizer(exact=True), phrase=True))
    for name in FACET_FIELDS:
        schema.add(name + KEY, fields.ID())
    return schema


def schema_fingerprint() -> str:
    """Return a short text that differs whenever indexes of two versions of this code cannot be mixed."""
    parts = json.dumps([FORMAT, ANALYSIS, TEXT_FIELDS, FACET_FIELDS])
    return f"{FORMAT}.{ANALYSIS}-{hashlib.sha256(parts.encode()).hexdigest()[:8]}"


def stems_problem(stemmer: str) -> str:
    """Return what is wrong with an index for what made its stems, in sentences; ``""`` where it is the stemmer here."""
    if stemmer == STEMMER:
        return ""
    return (
        f"The newest index has stems of {stemmer}, and this program makes those of {STEMMER}: a few words differ in "
        "theirs and are not found in every form. Run search-app index, which builds it anew, then restart the server."
    )
