"""Stock Whoosh as a contender: its own codec and searcher, this engine's tokenizer, ``groupedby`` for the counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import whoosh
from whoosh import fields, highlight, index, query, sorting
from whoosh.analysis import RegexTokenizer

from search_app.archive import read_archive
from search_app.index.analysis import SEPARATOR, NewsTokenizer

from .contender import BEST, FACETS, SNIPPET_CHARS, WEIGHTS, Answer, facet_values
from .queries import Question

_LIMIT_MB = 512


class Whoosh:
    """Stock Whoosh with one process and 512 MB, the settings it is fastest with on one core."""

    name = "whoosh"
    version = ".".join(map(str, whoosh.__version__))
    analysis = "search-app's tokenizer"
    same_analysis = True
    slow = True

    def __init__(self) -> None:
        self._searcher: Any = None

    def build(self, archive: Path, folder: Path) -> int:
        articles = read_archive(archive).articles
        folder.mkdir(parents=True, exist_ok=True)
        writer = index.create_in(str(folder), _schema()).writer(limitmb=_LIMIT_MB)
        for article in articles:
            values = {name: SEPARATOR.join(found) for name, found in facet_values(article).items()}
            writer.add_document(
                path=article.path,
                headline=article.headline,
                summary=article.summary,
                day=article.date.toordinal(),
                year=str(article.date.year),
                **values,
                # A field without a value is left out, or the empty text would be counted as one.
                **{f"{name}_key": text for name, text in values.items() if text},
            )
        writer.commit(optimize=True)
        return len(articles)

    def open(self, folder: Path) -> None:
        self._searcher = index.open_dir(str(folder)).searcher()

    def search(self, question: Question) -> Answer | None:
        return self._answer(question, show=False)

    def page(self, question: Question) -> Answer | None:
        return self._answer(question, show=True)

    def close(self) -> None:
        if self._searcher is not None:
            self._searcher.close()
        self._searcher = None

    def _answer(self, question: Question, *, show: bool) -> Answer:
        groups = sorting.Facets()
        for name in FACETS:
            groups.add_facet(name, sorting.FieldFacet(f"{name}_key", allow_overlap=True, maptype=sorting.Count))
        groups.add_facet("year", sorting.FieldFacet("year", maptype=sorting.Count))
        results = self._searcher.search(_query(question), limit=BEST, groupedby=groups)
        shown: tuple[tuple[str, str], ...] = ()
        if show:
            results.fragmenter = highlight.ContextFragmenter(maxchars=SNIPPET_CHARS)
            shown = tuple((_marked(hit, "headline"), _marked(hit, "summary")) for hit in results[:BEST])
        return Answer(
            total=len(results),
            # Where it groups, it ranks every match, whatever the limit.
            best=min(results.scored_length(), BEST),
            facets={
                # Documents without a value are counted under None.
                name: {value: count for value, count in results.groups(name).items() if value}
                for name in FACETS
            },
            years={int(year): count for year, count in results.groups("year").items() if year},
            shown=shown,
        )


def _marked(hit: Any, name: str) -> str:
    return hit.highlights(name, top=1) or str(hit.get(name, ""))


def _schema() -> fields.Schema:
    values = RegexTokenizer(rf"[^{SEPARATOR}]+")
    schema = fields.Schema(
        path=fields.ID(stored=True),
        day=fields.NUMERIC(int, bits=32, stored=True, sortable=True),
        year=fields.ID(),
    )
    for name in WEIGHTS:
        schema.add(name, fields.TEXT(analyzer=NewsTokenizer(), phrase=True, stored=True))
    for name in FACETS:
        schema.add(f"{name}_key", fields.KEYWORD(analyzer=values) if name != "topic" else fields.ID())
    return schema


def _stems(text: str) -> list[str]:
    return [token.text for token in NewsTokenizer()(text, mode="query")]


def _any_field(make: Any) -> Any:
    return query.Or([make(name, boost) for name, boost in WEIGHTS.items()])


def _word(stem: str) -> Any:
    return _any_field(lambda name, boost: query.Term(name, stem, boost=boost))


def _query(question: Question) -> Any:
    word = question.words[0]
    stems = [stem for text in question.words for stem in _stems(text)]
    match question.kind:
        case "phrase":
            return _any_field(lambda name, boost: query.Phrase(name, stems, boost=boost))
        case "prefix":
            return _any_field(lambda name, boost: query.Prefix(name, word, boost=boost))
        case "wildcard":
            return _any_field(lambda name, boost: query.Wildcard(name, word, boost=boost))
        case "fuzzy":
            return _any_field(lambda name, boost: query.FuzzyTerm(name, stems[0], boost=boost, maxdist=1))
        case "not":
            excluded = query.Or([_word(stem) for stem in _stems(question.without)])
            return query.And([*map(_word, stems), query.Not(excluded)])
        case "range" if question.first and question.last:
            days = query.NumericRange("day", question.first.toordinal(), question.last.toordinal())
            return query.And([*map(_word, stems), days])
        case "long or":
            return query.Or([_word(stem) for stem in stems])
    return query.And([_word(stem) for stem in stems])
