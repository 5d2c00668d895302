"""From a plan to the cluster's query language.

In: a plan of ``engine.plan``, in which words are tokens. Out: a query as JSON. Nothing typed gets to the cluster as a
query text, so nothing that is typed can be misread there.

A query finds what the plan finds, exactly. Its scores choose the candidates that are then ranked as the embedded engine
ranks: the same BM25 sums, in the cluster's own variant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any as Anything

from ..fielded import TermCounts
from ..plan import All, Any, Days, Every, Near, Nothing, Pattern, Plan, Scaled, Term, Token, Without
from ..recency import FADING
from ..scoring import PROSE
from .mapping import EXACT, JOINT, LETTERS

Json = dict[str, Anything]
WordsOf = Callable[[Pattern], Sequence[str] | None]
EVERYTHING: Json = {"match_all": {}}
_FREQUENCY = "double n = 0; for (f in params.fields) { n += termFreq(f, params.text) } return n;"
NOTHING: Json = {"match_none": {}}


def compile_plan(plan: Plan, words_of: WordsOf = lambda pattern: None) -> Json:
    """Return the query of a plan. Cost: a few clauses for each word and field.

    words_of : gives the words that a pattern is cut to, None for all that it stands for.
    """
    match plan:
        case Term(token, fields):
            return _any([_token(name, token, weight) for name, weight in fields])
        case Near(tokens, slop, fields):
            return _any([_near(name, tokens, slop, weight) for name, weight in fields])
        case Pattern(_, _, _, fields):
            words = words_of(plan)
            return _any([_pattern(name, plan, weight, words) for name, weight in fields])
        case Days(first, last):
            span: Json = {}
            if first:
                span["gte"] = first.toordinal()
            if last:
                span["lte"] = last.toordinal()
            return {"range": {"day": span}}
        case Every(children):
            return _every(children, words_of)
        case Any(children):
            return _any([compile_plan(child, words_of) for child in children])
        case Without(child):
            return {"bool": {"must_not": [compile_plan(child, words_of)]}}
        case Scaled(child, factor):
            return {"bool": {"must": [compile_plan(child, words_of)], "boost": factor}}
        case Nothing():
            return NOTHING
        case All():
            return EVERYTHING


def both(query: Json, filters: list[Json]) -> Json:
    """Return a query that holds where ``query`` and every filter do; filters do not score."""
    return {"bool": {"must": [query], "filter": filters}} if filters else query


def constant(query: Json, worth: float) -> Json:
    """Return a query that is worth the same wherever it holds."""
    return {"constant_score": {"filter": query, "boost": worth}}


def fading(query: Json, half_life: int, newest: int) -> Json:
    """Return a query whose scores fade with age, as ``recency`` has it.

    newest : the day ordinal from which age is counted.
    """
    fade: Json = {"day": {"origin": newest, "scale": half_life, "decay": 0.5}}
    functions: list[Json] = [{"weight": 1.0 - FADING}, {"exp": fade, "weight": FADING}]
    return {"function_score": {"query": query, "functions": functions, "score_mode": "sum", "boost_mode": "multiply"}}


def count_bodies(term: Term) -> tuple[Json, Json]:
    """Return the searches that count a term: all that hold it in its fields, and how often running text does."""
    prose = [name for name, _ in term.fields if name in PROSE]
    suffix = EXACT if term.token.exact is not None else ""
    text = term.token.stem if term.token.exact is None else term.token.exact
    often = {"source": _FREQUENCY, "params": {"fields": [name + suffix for name in prose], "text": text}}
    holding = _any([token_query(name, term.token) for name in prose]) if prose else NOTHING
    plain: Json = {"size": 0, "track_total_hits": True}
    return (
        {**plain, "query": _any([token_query(name, term.token) for name, _ in term.fields])},
        {
            **plain,
            "query": {"script_score": {"query": holding, "script": often}} if prose else NOTHING,
            "aggs": {"occurrences": {"sum": {"script": {"source": "_score"}}}},
        },
    )


def read_counts(everywhere: Json, prose: Json) -> TermCounts:
    """Return the counts of a term from the answers to ``count_bodies``."""
    return TermCounts(
        int(everywhere["hits"]["total"]["value"]),
        int(prose["hits"]["total"]["value"]),
        round(prose["aggregations"]["occurrences"]["value"]),
    )


def relatives_bodies(term: Term, stems: Sequence[str]) -> tuple[Json, Json]:
    """Return the searches that count in how many articles stems stand: in those of a term, and in all."""
    held = [_any([token_query(name, Token(stem)) for name, _ in term.fields]) for stem in stems]
    own = _any([token_query(name, term.token) for name, _ in term.fields])
    each = {"each": {"filters": {"filters": {str(n): query for n, query in enumerate(held)}}}}
    plain: Json = {"size": 0, "track_total_hits": True, "aggs": each}
    return {**plain, "query": own}, {**plain, "query": _any(held)}


def read_relatives(together: Json, alone: Json, stems: Sequence[str]) -> tuple[int, list[tuple[str, int, int]]]:
    """Return how many articles hold the term, and of each stem how many hold it beside the term, and how many at all.

    together, alone : the answers to ``relatives_bodies``.
    """
    beside, all_of = (answer["aggregations"]["each"]["buckets"] for answer in (together, alone))
    counts = [(stem, beside[str(n)]["doc_count"], all_of[str(n)]["doc_count"]) for n, stem in enumerate(stems)]
    return int(together["hits"]["total"]["value"]), counts


def token_query(field: str, token: Token) -> Json:
    """Return the query for one token in one field."""
    if token.exact is not None:
        return {"term": {field + EXACT: {"value": token.exact}}}
    return {"term": {field: {"value": token.stem}}}


def _token(field: str, token: Token, weight: float) -> Json:
    query = token_query(field, token)
    name = next(iter(query["term"]))
    query["term"][name]["boost"] = weight
    return query


def _near(field: str, tokens: tuple[Token, ...], slop: int, weight: float) -> Json:
    exact = tokens[0].exact is not None
    place = field + EXACT if exact else field
    text = JOINT.join((token.exact or "") if exact else token.stem for token in tokens)
    if slop:
        # Not a phrase with slop: that would also take the words in another order.
        together: Json = {"intervals": {place: {"match": {"query": text, "mode": "ordered", "max_gaps": slop}}}}
    else:
        together = {"match_phrase": {place: {"query": text}}}
    return {"bool": {"filter": [together], "should": [_token(field, token, weight) for token in dict.fromkeys(tokens)]}}


def _pattern(field: str, pattern: Pattern, weight: float, words: Sequence[str] | None) -> Json:
    place = field + EXACT
    query: Json
    if words is not None:
        query = {"terms": {place: list(words)}}
    elif pattern.kind == "prefix":
        query = {"prefix": {place: {"value": pattern.text, "rewrite": "constant_score"}}}
    elif pattern.kind == "wildcard":
        escaped = pattern.text.replace("\\", "\\\\")
        query = {"wildcard": {place: {"value": escaped, "rewrite": "constant_score"}}}
    else:
        query = {
            "fuzzy": {
                field + LETTERS: {
                    "value": pattern.text,
                    "fuzziness": pattern.distance,
                    "transpositions": True,
                    "rewrite": "constant_score",
                }
            }
        }
    return constant(query, weight)


def _any(queries: list[Json]) -> Json:
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries, "minimum_should_match": 1}}


def _every(children: tuple[Plan, ...], words_of: WordsOf) -> Json:
    parts: dict[str, list[Json]] = {}
    for child in children:
        if isinstance(child, Without):
            parts.setdefault("must_not", []).append(compile_plan(child.child, words_of))
        else:
            kind = "filter" if isinstance(child, Days | All) else "must"
            parts.setdefault(kind, []).append(compile_plan(child, words_of))
    return {"bool": parts}
