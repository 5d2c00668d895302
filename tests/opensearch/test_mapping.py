"""What articles become on a cluster: a document says all of an article, and its words as they are analysed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from index_making import make_snapshot
from random_articles import random_articles

from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.cluster import Cluster
from search_app.engine.opensearch.differences import Wanted
from search_app.engine.opensearch.mapping import (
    EXACT,
    JOINT,
    KEY,
    DocumentMaker,
    document_id,
    unpack_record,
    value_key,
)
from search_app.index.analysis import analyse
from search_app.settings import Settings

ALIAS = "mapping"


def test_a_document_says_all_of_an_article(rng: random.Random, tmp_path: Path) -> None:
    """Whatever a segment leaves out since it stands elsewhere: paths of related articles, shared contexts."""
    articles = random_articles(rng, 80)
    snapshot = make_snapshot(tmp_path, articles[0::2], articles[1::2], deleted={(0, articles[0].path)})
    by_path = {article.path: article for article in articles[1:]}
    wanted, maker = Wanted(snapshot), DocumentMaker()
    documents = [maker.document(stored) for stored in wanted.stored(np.arange(len(wanted)))]
    assert sorted(document["path"] for document in documents) == sorted(by_path)
    for document in documents:
        article = by_path[document["path"]]
        assert unpack_record(json.loads(json.dumps(document["record"]))) == article
        sources = list(dict.fromkeys(source.name for source in article.sources))
        values = {"topic": [article.topic] * bool(article.topic), "context": [*article.contexts], "source": sources}
        texts = {**values, "headline": [article.headline], "summary": [article.summary]}
        for name, parts in texts.items():
            tokens = [[token for token in analyse(part) if token.folded] for part in parts]
            stems = [JOINT.join(token.stem for token in part) for part in tokens]
            folded = [JOINT.join(token.folded for token in part) for part in tokens]
            single = name in ("headline", "summary")
            assert document[name] == (stems[0] if single else stems)
            assert document[name + EXACT] == (folded[0] if single else folded)
        assert all(document[name + KEY] == [value_key(value) for value in names] for name, names in values.items())
        assert set(document["lacks"]) == {name for name, parts in texts.items() if not any(parts)}
        older = {version.path for version in article.versions} - {article.path}
        assert document["old_paths"] == sorted(map(document_id, older))


@pytest.mark.core
def test_what_was_sent_is_kept_once(archive: Path, on_cluster: Settings, door: Cluster, tmp_path: Path) -> None:
    """As it was sent: of a source that leaves something out, the cluster would keep the whole as well."""
    build_on_cluster(archive, tmp_path / "index", settings=on_cluster, jobs=1)
    body = {"size": 100, "stored_fields": "*", "_source": True, "query": {"match_all": {}}}
    found = door.request("POST", f"/{ALIAS}/_search", body)["hits"]["hits"]
    assert len(found) > 10
    assert all(set(hit["_source"]) >= {"record", "path", "headline", "headline_exact"} for hit in found)
    assert all("fields" not in hit for hit in found)


@pytest.mark.core
def test_letters_are_the_words_without_a_digit(
    archive: Path, on_cluster: Settings, door: Cluster, tmp_path: Path
) -> None:
    build_on_cluster(archive, tmp_path / "index", settings=on_cluster, jobs=1)
    words = ["harbour", "4th", "u2", "covid-19", "1000", "東京", "b٣b", "ab", "a½", "x\u00b2", "quay9quay"]
    body = {"analyzer": "letters", "text": JOINT.join(words)}
    tokens = door.request("POST", f"/{ALIAS}/_analyze", body)["tokens"]
    assert [token["token"] for token in tokens] == [word for word in words if not any(map(str.isdecimal, word))]
