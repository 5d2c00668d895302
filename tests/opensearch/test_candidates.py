"""Candidates, ranked apart from all other articles: each is worth what it is worth among all."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from index_making import make_snapshot
from random_articles import random_articles, random_tree

from search_app.archive.model import Article
from search_app.engine.describe import render
from search_app.engine.fielded import TermCounts
from search_app.engine.opensearch import candidates
from search_app.engine.opensearch.mapping import pack_record
from search_app.engine.plan import Plan
from search_app.engine.request import SearchRequest
from search_app.engine.search import Searcher
from search_app.settings import load_settings

TODAY = date(2032, 3, 1)
ROUNDS = 120
SETTINGS = load_settings({}, relaxed_hits=0)


class Counting(Searcher):
    """A searcher that says of words what a cluster is asked."""

    def archive(self, plan: Plan) -> candidates.Known:
        """Return how often the words of a plan stand in the archive."""
        evaluators = self._statistics().evaluators
        return candidates.Known(
            {
                term: TermCounts(*map(sum, zip(*(evaluator.counts(term) for evaluator in evaluators), strict=True)))
                for term in candidates.scored_terms(plan)
            },
            {},
            {},
        )


def record(article: Article) -> dict[str, Any]:
    return {**pack_record(article), "seen": [0, 0]}


def test_a_candidate_is_worth_what_it_is_worth_in_the_archive(rng: random.Random, tmp_path: Path) -> None:
    """Whatever else is a candidate: words are as rare and fields as long as they are in the archive."""
    articles = random_articles(rng, 80)
    by_path = {article.path: article for article in articles}
    archive = make_snapshot(tmp_path, articles[0::2], articles[1::2])
    whole = Counting(archive, SETTINGS)
    compared = 0
    for _ in range(ROUNDS):
        request = SearchRequest(q=render(random_tree(rng, 2)), per_page=len(articles), as_typed=True)
        expected = {hit.path: hit.score for hit in whole.search(request, TODAY).hits}
        if not expected:
            continue
        some = rng.sample(sorted(expected), rng.randrange(1, len(expected) + 1))
        part = candidates.make_snapshot(
            [record(by_path[path]) for path in some], 1, archive.articles, archive.average_lengths
        )
        known = whole.archive(whole.read(request.q, TODAY).plan)
        found = candidates.CandidateSearcher(part, SETTINGS, known, lambda: whole._archive_days)
        hits = found.search(replace(request, explain=True), TODAY).hits
        assert {hit.path: hit.score for hit in hits} == pytest.approx({path: expected[path] for path in some})
        assert all(sum(part.worth for part in hit.score_parts) == pytest.approx(hit.score) for hit in hits)
        compared += len(some) < len(expected)
    assert compared > ROUNDS / 4
