"""The proof that a facet's counts are exact: against shards counted one by one, as a cluster counts them."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from search_app.engine.opensearch.counting import proven


def counted_by_shards(shards: list[Counter[str]], values: int) -> dict[str, Any]:
    """Return what a cluster answers where each shard names its highest values: the rules of a terms aggregation."""
    total: Counter[str] = Counter()
    named: list[tuple[dict[str, int], int]] = []
    for shard in shards:
        ranked = sorted(shard.items(), key=lambda item: (-item[1], item[0]))
        last = ranked[values - 1][1] if len(ranked) > values else 0
        named.append((dict(ranked[:values]), last))
        total.update(dict(ranked[:values]))
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    buckets = [
        {
            "key": key,
            "doc_count": count,
            "doc_count_error_upper_bound": sum(last for held, last in named if key not in held),
        }
        for key, count in ranked[:values]
    ]
    whole = sum(sum(shard.values()) for shard in shards)
    return {
        "values": {
            "buckets": buckets,
            "sum_other_doc_count": whole - sum(bucket["doc_count"] for bucket in buckets),
            "doc_count_error_upper_bound": sum(last for _, last in named),
        }
    }


def test_what_is_proven_is_true(rng: random.Random) -> None:
    """Random values over random shards: where the proof holds, the highest are the highest, with their full counts."""
    held = failed = 0
    for _ in range(3000):
        names = [f"v{n:02}" for n in range(rng.randint(1, 30))]
        weights = [rng.paretovariate(rng.choice((0.5, 1.0, 3.0))) for _ in names]
        shards = [Counter(rng.choices(names, weights, k=rng.randint(0, 120))) for _ in range(rng.randint(1, 4))]
        size = rng.randint(0, 6)
        answer = counted_by_shards(shards, rng.randint(size + 1, size + 8))
        true: Counter[str] = sum(shards, Counter())
        best = sorted(true.items(), key=lambda item: (-item[1], item[0]))[:size]
        found = [(bucket["key"], bucket["doc_count"]) for bucket in answer["values"]["buckets"][:size]]
        if proven(answer, size):
            held += 1
            assert found == best
        else:
            failed += 1
    assert held > 300 and failed > 300


def test_one_shard_needs_no_second_question() -> None:
    """What one shard alone says of its highest values is so."""
    answer = counted_by_shards([Counter(a=9, b=7, c=7, d=1)], 3)
    answer["values"]["doc_count_error_upper_bound"] = 0
    assert proven(answer, 2)
