"""What an article's page shows: everything that the archive knows of it.

In: the engine's view of an article. Out: a frozen record for the template.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup, escape

from ..archive.model import Article
from ..archive.render import render_markdown
from ..engine.result import ArticleView, RelatedArticle, SimilarArticle
from .changes import word_changes
from .hits import LONG_HEADLINE
from .language import current_language
from .links import Links, safe_url, url_host
from .presenters import present_formats
from .records import Link, SourceLine
from .words import as_sentence, said_day, shortened

# What two articles share is told in a line.
REASONS = 3


@dataclass(frozen=True, slots=True)
class ArticleSource:
    """A source: where it leads, and what else the archive has from it."""

    line: SourceLine
    search: str


@dataclass(frozen=True, slots=True)
class RelatedLine:
    """A related article with what the two share. ``link.href`` is empty where the archive does not hold it."""

    link: Link
    date: str
    iso_date: str
    contexts: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class SimilarLine:
    """An article like this one, with what the two share. words : of both headlines, where nothing else tells enough."""

    related: RelatedLine
    same_topic: bool
    words: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version of the history.

    headline : with the changes since the version before it marked. same : whether there are none.
    """

    headline: Markup
    changed: str
    note: str
    current: bool
    same: bool


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """Everything on an article's page."""

    headline: str
    long: bool
    description: str
    language: str
    opinion: bool
    date: Link
    iso_date: str
    topic: Link | None
    body: Markup
    image: str
    image_host: str
    sources: tuple[ArticleSource, ...]
    contexts: tuple[Link, ...]
    related: tuple[RelatedLine, ...]
    similar: tuple[SimilarLine, ...]
    versions: tuple[VersionLine, ...]
    previous: RelatedLine | None
    next: RelatedLine | None
    formats: tuple[Link, ...]
    cited: str
    citation: str
    address: str
    canonical: str


def present_article(view: ArticleView, links: Links, site_name: str, url_root: str, has_file: bool) -> ArticlePage:
    """Return an article's page.

    url_root : scheme, host and prefix, for the citation. has_file : whether the ``.md`` address answers.
    """
    article = view.article
    path = links.article(article.path, "") + ".html"
    address = url_root.removesuffix(links.root) + path
    return ArticlePage(
        headline=article.headline,
        long=len(article.headline) > LONG_HEADLINE,
        description=shortened(article.summary.replace("\n\n", " "), 200),
        language=article.language if article.language != current_language().code else "",
        opinion=article.kind != "news",
        date=Link(said_day(article.date), links.day(article.date)),
        iso_date=article.date.isoformat(),
        topic=_value_link("topic", article.topic, links) if article.topic else None,
        body=article_body(article),
        image=safe_url(article.image),
        image_host=url_host(article.image),
        sources=tuple(
            ArticleSource(
                SourceLine(source.name, safe_url(source.url), url_host(source.url)),
                _value_link("source", source.name, links).href,
            )
            for source in article.sources
        ),
        contexts=tuple(_value_link("context", context, links) for context in article.contexts),
        related=tuple(_related_line(related, links) for related in view.related),
        similar=tuple(_similar_line(like, links) for like in view.similar),
        versions=_version_lines(article),
        previous=_related_line(view.previous, links) if view.previous else None,
        next=_related_line(view.next, links) if view.next else None,
        formats=present_formats(links.article(article.path, ""), has_file),
        cited=f"“{as_sentence(article.headline)}”",
        citation=f"{site_name}, {said_day(article.date)}.",
        address=address,
        canonical=path,
    )


def article_body(article: Article) -> Markup:
    """Return the summary or editorial as safe HTML: its Markdown rendered where there is some, else its paragraphs."""
    if article.markup:
        return Markup(render_markdown(article.markup))  # noqa: S704 - nh3 has made it safe
    paragraphs = (text for text in article.summary.split("\n\n") if text)
    return Markup("\n").join(Markup("<p>") + escape(text) + Markup("</p>") for text in paragraphs)


def _value_link(field: str, value: str, links: Links) -> Link:
    return Link(value, links.value(field, value))


def _related_line(related: RelatedArticle, links: Links) -> RelatedLine:
    headline = related.headline or related.path.rsplit("/", 1)[-1].replace("-", " ")
    return RelatedLine(
        link=Link(headline, links.article(related.path) if related.known else ""),
        date=said_day(related.date) if related.date else "",
        iso_date=related.date.isoformat() if related.date else "",
        contexts=tuple(_value_link("context", context, links) for context in related.contexts),
    )


def _similar_line(like: SimilarArticle, links: Links) -> SimilarLine:
    shared = like.article.contexts[:REASONS]
    enough = like.same_topic or len(shared) > 1
    words = ", ".join(f"“{word}”" for word in like.words[:REASONS])
    return SimilarLine(
        _related_line(replace(like.article, contexts=shared), links), like.same_topic, "" if enough else words
    )


def _version_lines(article: Article) -> tuple[VersionLine, ...]:
    lines = []
    before = ""
    for version in article.versions:
        same = version.headline == before
        headline = word_changes(before, version.headline) if before else escape(version.headline)
        lines.append(VersionLine(headline, version.changed, version.note, version.current, same))
        before = version.headline
    return tuple(lines)
