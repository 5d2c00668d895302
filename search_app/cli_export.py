"""The commands that hand on everything a search finds: ``export`` to files, ``watch`` to cron mails.

In: a search from the command line. Out: CSV or JSON Lines on stdout; lines about new articles.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .cli_options import debug_option, index_option, option, read_search, search_options
from .cli_output import clean_text, counted, print_lines, print_text
from .settings import load_settings

FORMS = ("csv", "jsonl", "facets", "histogram")


@click.command()
@search_options
@option("--sort", metavar="ORDER", help="relevance, newest or oldest.")
@option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="csv",
    help="csv or jsonl for every hit; facets or histogram for the counts, as CSV.",
)
@index_option
@debug_option
def export(words: tuple[str, ...], index: str | None, from_: str | None, form: str, **filters: Any) -> None:
    """Write everything a search finds to stdout.

    Without WORDS and filters, the whole archive: search-app export --format jsonl > articles.jsonl
    """
    from .engine import open_engine
    from .web.exports import csv_lines, export_lines, facet_rows, histogram_rows
    from .web.links import Links

    settings = load_settings(index=index)
    search = read_search(settings, words, from_, **filters).request
    engine = open_engine(Path(settings.text("index")), settings)
    try:
        if form in ("csv", "jsonl"):
            print_lines(export_lines(engine.stream(search).hits, form, Links()))
        else:
            print_lines(csv_lines((facet_rows if form == "facets" else histogram_rows)(engine, search)))
    finally:
        engine.close()


@click.command()
@search_options
@option("--since", metavar="STATEFILE", required=True, help="File that remembers what was reported; made at first.")
@index_option
@debug_option
def watch(words: tuple[str, ...], index: str | None, from_: str | None, since: str, **filters: Any) -> None:
    """Print what a search finds since it was last run.

    Prints nothing where nothing is new, so that cron mails only news. The first run remembers what there is.
    """
    from .engine import open_engine
    from .watch import find_new
    from .web.state import replacing

    settings = load_settings(index=index)
    search = replacing(read_search(settings, words, from_, **filters).request, sort="newest")
    engine = open_engine(Path(settings.text("index")), settings)
    try:
        report = find_new(engine, search, Path(since), _in_words(words, from_=from_, **filters))
    finally:
        engine.close()
    if report.first:
        print_text(f"Watching from now on: {counted(report.total, 'article')} so far.")
    else:
        for hit in report.new:
            seen = f"first seen {hit.first_seen:%Y-%m-%d %H:%M} UTC" if hit.first_seen else ""
            about = " · ".join(filter(None, [hit.date.isoformat(), hit.topic, seen, hit.path]))
            print_text(f"{clean_text(hit.headline)}\n  {clean_text(about)}")
    report.save()


def _in_words(words: tuple[str, ...], **filters: Any) -> str:
    given = [f"{name.rstrip('_')}: {value}" for name, value in filters.items() if value]
    return clean_text(", ".join([" ".join(words), *given])) or "everything"
