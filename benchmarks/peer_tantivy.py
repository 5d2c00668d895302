"""tantivy as a contender: its Rust analysis chain, fast fields, and its aggregations for the counts."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import tantivy

from search_app.archive import Article, read_archive

from .contender import BEST, FACETS, SNIPPET_CHARS, WEIGHTS, Answer, facet_values
from .queries import Question

_HEAP_BYTES = 1_000_000_000
_FIELDS = list(WEIGHTS)
# The words of this engine's analysis, without what only other scripts and numbers need.
_WORD = r"[\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{N}]+)*"
_AGGREGATIONS: dict[str, Any] = {
    # segment_size is so large that counts are exact over any number of segments.
    **{name: {"terms": {"field": f"{name}_key", "size": BEST, "segment_size": 65000}} for name in FACETS},
    "year": {"terms": {"field": "year", "size": 1000}},
}


class Tantivy:
    """tantivy through its Python package."""

    name = "tantivy"
    version = version("tantivy")
    analysis = "its own: words, lower case, ASCII folding, Snowball English"
    same_analysis = False
    slow = False

    def __init__(self) -> None:
        self._schema = _schema()
        self._analyzer = _analyzer()
        self._index: tantivy.Index | None = None
        self._searcher: tantivy.Searcher | None = None

    def build(self, archive: Path, folder: Path) -> int:
        articles = read_archive(archive).articles
        folder.mkdir(parents=True, exist_ok=True)
        index = self._open_index(folder)
        # One thread and room for everything make one segment, which is what it searches fastest.
        writer = index.writer(_HEAP_BYTES, 1)
        for article in articles:
            writer.add_document(_document(article))
        writer.commit()
        writer.wait_merging_threads()
        return len(articles)

    def _open_index(self, folder: Path) -> tantivy.Index:
        index = tantivy.Index(self._schema, path=str(folder))
        index.register_tokenizer("news", self._analyzer)
        return index

    def open(self, folder: Path) -> None:
        self._index = self._open_index(folder)
        self._index.reload()
        self._searcher = self._index.searcher()

    def search(self, question: Question) -> Answer | None:
        query = self._query(question)
        return self._answer(query, show=False)

    def page(self, question: Question) -> Answer | None:
        query = self._query(question)
        return self._answer(query, show=True)

    def close(self) -> None:
        self._index = self._searcher = None

    def _answer(self, query: tantivy.Query, *, show: bool) -> Answer:
        if self._searcher is None:
            raise ValueError("open an index first")
        found: Any = self._searcher.search(query, BEST, count=True)
        counted = self._searcher.aggregate(query, _AGGREGATIONS)
        return Answer(
            total=found.count,
            best=len(found.hits),
            facets={name: {b["key"]: b["doc_count"] for b in counted[name]["buckets"]} for name in FACETS},
            years={int(b["key"]): b["doc_count"] for b in counted["year"]["buckets"]},
            shown=self._shown(self._searcher, query, found.hits) if show else (),
        )

    def _shown(self, searcher: tantivy.Searcher, query: tantivy.Query, hits: Any) -> tuple[tuple[str, str], ...]:
        makers = [
            tantivy.SnippetGenerator.create(searcher, query, self._schema, name) for name in ("headline", "summary")
        ]
        makers[0].set_max_num_chars(1000)
        makers[1].set_max_num_chars(SNIPPET_CHARS)
        shown = []
        for _, address in hits:
            document = searcher.doc(address)
            document.to_dict()
            headline, snippet = (maker.snippet_from_doc(document).to_html() for maker in makers)
            shown.append((headline, snippet))
        return tuple(shown)

    def _query(self, question: Question) -> tantivy.Query:
        word = question.words[0]
        match question.kind:
            case "prefix":
                return self._in_any_field(lambda name: tantivy.Query.regex_query(self._schema, name, f"{word}.*"))
            case "wildcard":
                expression = word.replace("*", ".*").replace("?", ".")
                return self._in_any_field(lambda name: tantivy.Query.regex_query(self._schema, name, expression))
            case "fuzzy":
                stems = self._analyzer.analyze(word) or [word]
                return self._in_any_field(lambda name: tantivy.Query.fuzzy_term_query(self._schema, name, stems[0], 1))
            case "phrase":
                text = f'"{" ".join(question.words)}"'
            case "not":
                text = f"{' '.join(question.words)} -{question.without}"
            case "range" if question.first and question.last:
                days = f"day:[{question.first.toordinal()} TO {question.last.toordinal()}]"
                text = f"{' '.join(question.words)} {days}"
            case "long or":
                text = " OR ".join(question.words)
            case _:
                text = " ".join(question.words)
        if self._index is None:
            raise ValueError("open an index first")
        return self._index.parse_query(text, _FIELDS, field_boosts=WEIGHTS, conjunction_by_default=True)

    def _in_any_field(self, make: Any) -> tantivy.Query:
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, tantivy.Query.boost_query(make(name), weight)) for name, weight in WEIGHTS.items()]
        )


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in _FIELDS:
        builder.add_text_field(name, stored=name in ("headline", "summary"), tokenizer_name="news")
    for name in FACETS:
        builder.add_text_field(f"{name}_key", stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("path", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("year", fast=True)
    builder.add_integer_field("day", stored=True, indexed=True, fast=True)
    return builder.build()


def _analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_WORD))
    for step in (tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold(), tantivy.Filter.stemmer("english")):
        builder = builder.filter(step)
    return builder.build()


def _document(article: Article) -> tantivy.Document:
    values = facet_values(article)
    return tantivy.Document(
        headline=[article.headline],
        summary=[article.summary],
        path=[article.path],
        day=[article.date.toordinal()],
        year=[article.date.year],
        **values,
        **{f"{name}_key": values[name] for name in FACETS},
    )
