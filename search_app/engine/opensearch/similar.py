"""Articles like one article, found on a cluster: what ``engine.similar`` finds in a snapshot.

In: an index and an article. Out: ``SimilarArticle`` records, best first, each with what the two share.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ...archive.model import Article
from ...index.analysis import analyse
from ..result import RelatedArticle, SimilarArticle
from ..similar import LEAST_SHARED, MOST_SIMILAR, MOST_WORDS, headline_words, tells_apart, trait_weight
from .cluster import Cluster, Json
from .compile import constant
from .mapping import KEY, document_id, unpack_record, value_key


@dataclass(frozen=True, slots=True)
class Trait:
    """Something that articles can share. stem : of a word, else ``""``. count : how many articles have it."""

    kind: str
    text: str
    stem: str = ""
    count: int = 0

    @property
    def query(self) -> Json:
        """The query for the articles that have it."""
        if self.kind == "word":
            return {"term": {"headline": {"value": self.stem}}}
        return {"term": {self.kind + KEY: {"value": value_key(self.text)}}}


def find_similar(
    cluster: Cluster, index: str, articles: int, article: Article, left_out: Collection[str]
) -> tuple[SimilarArticle, ...]:
    """Return the articles that share most with one; order and ties as in ``engine.similar``. Cost: two requests.

    articles : how many the index holds. left_out : site paths that shall not be among them.
    """
    traits = _traits(cluster, index, articles, article)
    if not traits:
        return ()
    body = _body(traits, articles, article, {article.path, *left_out})
    hits = cluster.search(index, body)["hits"]["hits"]
    found = [unpack_record(hit["_source"]["record"]) for hit in hits]
    return tuple(_with_reason(other, traits, articles) for other in found)


def _traits(cluster: Cluster, index: str, articles: int, article: Article) -> list[Trait]:
    topic = [Trait("topic", article.topic)] if article.topic else []
    contexts = [Trait("context", context) for context in article.contexts if context != article.topic]
    words = [Trait("word", word, stem) for stem, word in headline_words(article).items()]
    asked = [*topic, *contexts, *words]
    answers = cluster.searches(
        index, [({}, {"size": 0, "track_total_hits": True, "query": trait.query}) for trait in asked]
    )
    counted = [
        Trait(trait.kind, trait.text, trait.stem, int(answer["hits"]["total"]["value"]))
        for trait, answer in zip(asked, answers, strict=True)
    ]
    others = [trait for trait in counted if trait.kind != "word"]
    spoken = sorted((trait for trait in counted if trait.kind == "word"), key=lambda trait: (trait.count, trait.text))
    return [trait for trait in (*others, *spoken[:MOST_WORDS]) if tells_apart(trait.kind, trait.count, articles)]


def _body(traits: list[Trait], articles: int, article: Article, excluded: set[str]) -> Json:
    worths = [constant(trait.query, trait_weight(trait.kind, trait.count, articles)) for trait in traits]
    others = [trait.query for trait in traits if trait.kind != "topic"]
    enough: list[Json] = [trait.query for trait in traits if trait.kind == "topic"]
    enough.append({"bool": {"should": others, "minimum_should_match": LEAST_SHARED}})
    # How far apart in time two articles are is worked out for those alone that share enough.
    apart = {"source": "Math.abs(doc['day'].value - params.day)", "params": {"day": article.date.toordinal()}}
    return {
        "size": MOST_SIMILAR,
        "query": {
            "bool": {
                "should": worths,
                "filter": [{"bool": {"should": enough, "minimum_should_match": 1}}],
                "must_not": [{"ids": {"values": sorted(map(document_id, excluded))}}],
            }
        },
        "sort": [
            {"_score": "desc"},
            {"_script": {"type": "number", "script": apart, "order": "asc"}},
            {"day": "desc"},
            {"path": "asc"},
        ],
    }


def _with_reason(other: Article, traits: list[Trait], articles: int) -> SimilarArticle:
    stems = {token.stem for token in analyse(other.headline)}
    shared: dict[str, list[tuple[int, str]]] = {"topic": [], "context": [], "word": []}
    for trait in traits:
        held = {
            "topic": trait.text == other.topic,
            "context": trait.text in other.contexts,
            "word": trait.stem in stems,
        }
        if held[trait.kind]:
            shared[trait.kind].append((-trait_weight(trait.kind, trait.count, articles), trait.text))
    contexts, words = (tuple(text for _, text in sorted(shared[kind])) for kind in ("context", "word"))
    return SimilarArticle(
        RelatedArticle(other.path, other.headline, other.date, contexts, True), bool(shared["topic"]), words
    )
