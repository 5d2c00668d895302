"""The linker: each rule of the format by an example."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest
from linker_pages import by_slug, edge, listing, news, path, version

from search_app.archive import link
from search_app.archive.graph import MAX_INCOMING
from search_app.archive.linker import Linker
from search_app.archive.model import (
    DUPLICATE,
    FRONT,
    OPINION,
    Edge,
    Listing,
    Page,
    Related,
    Version,
)

# Contexts


def test_contexts_come_from_both_ends_of_an_edge() -> None:
    articles = by_slug(link([news("a", edges=(edge("b", "Kestria", "Ardenia"),)), news("b")]))
    assert articles["a"].contexts == articles["b"].contexts == ("Kestria", "Ardenia")


def test_topic_is_the_first_context() -> None:
    articles = by_slug(link([news("a", topic="Strike", edges=(edge("b", "Kestria", "Strike"),)), news("b")]))
    assert articles["a"].contexts == ("Strike", "Kestria")
    assert articles["b"].contexts == ("Kestria", "Strike")


def test_contexts_of_a_day_page_and_a_front_page_count() -> None:
    front = Page(FRONT, "/", "index.md", "en", listings=(Listing(path("a"), "", ("Ardenia",)),))
    articles = by_slug(link([front, listing(4, Listing(path("a"), "", ("Kestria",))), news("a")]))
    assert articles["a"].contexts == ("Kestria", "Ardenia")


def test_the_same_day_page_twice_counts_once() -> None:
    item = Listing(path("a"), "", ("kestria",))
    pages = [news("a", edges=(edge("b", "Kestria"),)), news("c", edges=(edge("b", "Kestria"),))]
    linked = link([*pages, listing(4, item), listing(4, item, name="README.md"), listing(5, item, name="README.md")])
    # "kestria" is printed twice, on the pages of the 4th and the 5th: a tie. README.md would make it three times.
    assert by_slug(linked)["a"].contexts == ("Kestria",)
    assert linked.days == {date(2031, 3, 4), date(2031, 3, 5)}


def test_a_link_that_leads_nowhere_still_names_contexts() -> None:
    article = by_slug(link([news("a", edges=(Edge("", ("Kestria",)),))]))["a"]
    assert (article.contexts, article.related) == (("Kestria",), ())


def test_contexts_stand_in_order_of_first_mention() -> None:
    pages = [
        news("a", topic="T", edges=(edge("x", "B", "A"), edge("y", "C"))),
        listing(4, Listing(path("a"), "", ("D", "A"))),
        news("later", 9, edges=(edge("a", "F"),)),
        news("latest", 10, edges=(edge("a", "E"),)),
    ]
    assert by_slug(link(pages))["a"].contexts == ("T", "B", "A", "C", "D", "E", "F")


@pytest.mark.parametrize(
    ("spellings", "label"),
    [
        pytest.param(["President", "president", "President"], "President", id="most frequent"),
        pytest.param(["President", "president", "president"], "president", id="most frequent in lower case"),
        pytest.param(["president", "President"], "President", id="tie, smallest"),
        pytest.param(["STRASSE", "straße", "straße"], "straße", id="folded, not only lowered"),
    ],
)
def test_spellings_of_a_context_are_merged(spellings: list[str], label: str) -> None:
    pages = [news(f"a{n}", edges=(edge("z", spelling),)) for n, spelling in enumerate(spellings)]
    articles = by_slug(link([*pages, news("z")]))
    assert articles["z"].contexts == (label,)
    assert all(article.contexts == (label,) for article in articles.values())
    assert articles["z"].related[0].contexts == (label,)


def test_a_topic_takes_part_in_the_merging() -> None:
    pages = [news("a", topic="harbour strike"), news("b", topic="Harbour strike"), news("c", topic="Harbour strike")]
    assert {article.topic for article in link(pages).articles} == {"Harbour strike"}


# Topics


def test_topic_comes_from_the_day_page_where_the_article_has_none() -> None:
    pages = [news("a"), news("b", topic="Own"), listing(4, Listing(path("a"), "Listed"), Listing(path("b"), "Listed"))]
    articles = by_slug(link(pages))
    assert (articles["a"].topic, articles["a"].contexts) == ("Listed", ("Listed",))
    assert (articles["b"].topic, articles["b"].contexts) == ("Own", ("Own",))


def test_topic_comes_from_an_older_version_last() -> None:
    pages = [
        news("new", versions=(version("old"), version("new", current=True))),
        news("old", topic="Old topic"),
    ]
    assert by_slug(link(pages))["new"].topic == "Old topic"
    assert by_slug(link([*pages, listing(4, Listing(path("old"), "Listed"))]))["new"].topic == "Listed"


# Related


def test_related_holds_own_links_then_links_from_others_newest_first() -> None:
    pages = [
        news("a", edges=(edge("z", "Z", headline="Of z"), edge("b", "B", day=5))),
        news("b", 5),
        news("c", 6, edges=(edge("a", "C"),)),
        news("d", 8, edges=(edge("a", "D"),)),
        news("e", 8, edges=(edge("a"),)),
    ]
    assert by_slug(link(pages))["a"].related == (
        Related(path("z"), "Of z", ("Z",)),
        Related(path("b", 5), "", ("B",)),
        Related(path("d", 8), "", ("D",)),
        Related(path("e", 8), "", ()),
        Related(path("c", 6), "", ("C",)),
    )


def test_two_links_between_two_articles_are_one_with_the_contexts_of_both() -> None:
    pages = [news("a", edges=(edge("b", "A", "B"),)), news("b", edges=(edge("a", "B", "C"), edge("a", "D")))]
    articles = by_slug(link(pages))
    assert articles["a"].related == (Related(path("b"), "", ("A", "B", "C", "D")),)
    assert articles["b"].related == (Related(path("a"), "", ("B", "C", "D", "A")),)


def test_at_most_ten_incoming_links_are_kept_but_all_their_contexts() -> None:
    pages = [news("hub", edges=(edge("own", "Own"),))]
    pages += [news(f"n{day}", day, edges=(edge("hub", f"C{day}"),)) for day in range(5, 31)]
    hub = by_slug(link(pages))["hub"]
    assert [item.path for item in hub.related[1:]] == [path(f"n{day}", day) for day in range(30, 30 - MAX_INCOMING, -1)]
    assert hub.contexts == ("Own", *[f"C{day}" for day in range(30, 4, -1)])


def test_an_article_is_not_related_to_itself() -> None:
    article = by_slug(link([news("a", edges=(edge("a", "Kestria"),))]))["a"]
    assert (article.related, article.contexts) == ((), ("Kestria",))


# Versions


def test_superseded_versions_are_folded_with_all_their_edges() -> None:
    pages = [
        news("old", edges=(edge("z", "FromOld", headline="Of z"),), headline="Strike: It begins"),
        news(
            "new",
            versions=(
                version("old", "2031-04-01 03:47:37", "First version"),
                version("new", "", "Current version", True),
            ),
            edges=(edge("y", "FromNew", headline="Of y"),),
        ),
        news("other", 5, edges=(edge("old", "ToOld"),)),
        listing(4, Listing(path("old"), "", ("Listed",))),
    ]
    linked = link(pages)
    articles = by_slug(linked)
    assert list(articles) == ["other", "new"]
    assert linked.superseded == {path("old"): path("new")}
    assert articles["new"].contexts == ("FromNew", "FromOld", "Listed", "ToOld")
    assert [item.path for item in articles["new"].related] == [path("y"), path("z"), path("other", 5)]
    assert articles["new"].related[1].headline == "Of z"
    assert articles["other"].related == (Related(path("new"), "", ("ToOld",)),)
    assert articles["new"].versions == (
        Version(path("old"), "Headline old", "2031-04-01 03:47:37", "First version"),
        Version(path("new"), "Headline new", "", "Current version", True),
    )


def test_a_version_without_a_file_leads_to_the_article_too() -> None:
    linked = link([news("new", versions=(version("old"), version("new", current=True)))])
    assert linked.superseded == {path("old"): path("new")}
    assert [item.path for item in linked.articles[0].versions] == [path("old"), path("new")]


def test_where_the_current_version_has_no_file_an_older_one_is_the_article() -> None:
    linked = link([news("old", versions=(version("old"), version("new", current=True)))])
    assert [article.path for article in linked.articles] == [path("old")]
    assert linked.superseded == {path("new"): path("old")}
    assert linked.articles[0].versions[-1] == Version(path("old"), "Headline old", current=True)


def test_the_list_that_knows_the_newest_change_says_which_version_is_current() -> None:
    pages = [
        news("first"),
        news("second", versions=(version("first", "2031-05-01"), version("second", current=True))),
        news(
            "third",
            versions=(
                version("first", "2031-05-01", "First version"),
                version("second", "2031-06-01"),
                version("third", current=True),
            ),
        ),
    ]
    linked = link(pages)
    assert [article.path for article in linked.articles] == [path("third")]
    assert linked.superseded == {path("first"): path("third"), path("second"): path("third")}
    assert [item.path for item in linked.articles[0].versions] == [path("first"), path("second"), path("third")]


def test_history_keeps_what_only_an_older_file_knows() -> None:
    pages = [
        news(
            "b",
            versions=(version("a", "2031-05-01", "First version"), version("b", note="Current version", current=True)),
        ),
        news("c", versions=(version("b", "2031-06-01"), version("c", current=True))),
    ]
    assert [(item.path, item.note, item.current) for item in link(pages).articles[0].versions] == [
        (path("a"), "First version", False),
        (path("b"), "", False),
        (path("c"), "", True),
    ]


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_files_that_contradict_each_other_are_resolved_the_same_way_in_any_order(order: list[str]) -> None:
    lists = {
        "a": (version("a"), version("b", current=True)),
        "b": (version("b"), version("a", current=True)),
    }
    linked = link([news(slug, versions=lists[slug]) for slug in order])
    assert [article.path for article in linked.articles] == [path("a")]
    assert linked.superseded == {path("b"): path("a")}


@pytest.mark.parametrize(
    ("headline", "folded"),
    [
        ("Port strike: Cranes stand still", True),
        ("Kestria: Port strike: Cranes stand still", True),
        ("Kestria. Port strike. Cranes stand still", True),
        ("A: B: C: Cranes stand still", True),
        (f"{'Long topic ' * 6}: {'Long topic ' * 6}: Cranes stand still", True),
        ("A: B: C: D: Cranes stand still", False),
        ("Cranes stand still again", False),
        ("Port strike:Cranes stand still", False),
        (f"{'A whole sentence, no topic ' * 4}. Cranes stand still", False),
        ("Port strike: cranes stand still", False),
    ],
)
def test_a_headline_behind_its_topics_is_an_older_version(headline: str, folded: bool) -> None:
    pages = [news("new", headline="Cranes stand still"), news("old", headline=headline)]
    linked = link(pages)
    assert len(linked.articles) == 2 - folded
    assert linked.superseded == ({path("old"): path("new")} if folded else {})
    if folded:
        assert linked.articles[0].versions == (
            Version(path("old"), headline),
            Version(path("new"), "Cranes stand still", current=True),
        )


def test_a_headline_behind_its_topics_on_another_day_is_another_article() -> None:
    pages = [news("new", headline="Cranes stand still"), news("old", 5, headline="Strike: Cranes stand still")]
    assert len(link(pages).articles) == 2


def test_topics_peel_off_one_by_one() -> None:
    pages = [news("c", headline="A: B: C"), news("b", headline="B: C"), news("a", headline="C")]
    linked = link(pages)
    assert [article.path for article in linked.articles] == [path("a")]
    assert linked.superseded == {path("b"): path("a"), path("c"): path("a")}


# Files


def test_two_files_with_one_address_are_one_article() -> None:
    stray = news("a", file="news/2031/03/04/a.md", headline="Stray")
    linked = link([stray, news("a")])
    assert [article.headline for article in linked.articles] == ["Headline a"]
    assert [(item.file, item.reason, item.detail) for item in linked.skipped] == [
        (stray.file, DUPLICATE, "news/2031/03/4/a.md")
    ]


@pytest.mark.parametrize("seed", range(6))
def test_of_three_files_with_one_address_the_same_one_counts_in_any_order(seed: int) -> None:
    pages = [news("a"), news("a", file="news/2031/03/04/a.md"), news("a", file="zh/news/2031/03/4/a.md")]
    random.Random(seed).shuffle(pages)
    linked = link(pages)
    assert [article.file for article in linked.articles] == ["news/2031/03/4/a.md"]
    assert [(item.file, item.detail) for item in linked.skipped] == [
        ("news/2031/03/04/a.md", "news/2031/03/4/a.md"),
        ("zh/news/2031/03/4/a.md", "news/2031/03/4/a.md"),
    ]


def test_an_editorial_and_its_readme_are_one() -> None:
    fields: dict[str, Any] = {"kind": OPINION, "path": "/opinion/2031/03/4/a"}
    pages = [
        news("a", file="opinion/2031/03/4/a/README.md", **fields),
        news("a", file="opinion/2031/03/4/a/index.md", **fields),
    ]
    linked = link(pages)
    assert [article.file for article in linked.articles] == ["opinion/2031/03/4/a/index.md"]
    assert linked.skipped == ()


def test_articles_are_sorted_newest_first_then_by_path() -> None:
    pages = [news("b", 4), news("a", 4), news("z", 6), news("c", 5)]
    assert [article.path for article in link(pages).articles] == [path("z", 6), path("c", 5), path("a"), path("b")]


def test_the_sequence_of_articles_can_be_indexed_and_sliced() -> None:
    articles = link([news(slug) for slug in "abc"]).articles
    assert len(articles) == 3
    assert articles[0] == next(iter(articles))
    assert articles[1:] == list(articles)[1:]
    assert articles[-1].path == path("c")
    with pytest.raises(IndexError):
        articles[3]


def test_adding_again_replaces() -> None:
    linker = Linker()
    linker.add(news("a", edges=(edge("b", "Old"),)))
    linker.add(news("b"))
    linker.add(news("a", edges=(edge("b", "New"),)))
    assert by_slug(linker.link())["b"].contexts == ("New",)


def test_wanting_names_files_that_gave_no_headline_for_a_missing_article() -> None:
    linker = Linker()
    linker.add(news("a", edges=(edge("gone", "Kestria"),)))
    linker.add(news("b", edges=(edge("gone", headline="Gone"), edge("a"))))
    assert linker.wanting() == [news("a").file]


def test_a_page_without_a_date_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a date"):
        Linker().add(news("a", date=None))
