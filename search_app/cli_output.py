"""How answers look in a terminal: results, figures, progress bars, sentences about trouble.

In: records of the engine and reports of the builder. Out: text on stdout, trouble and progress on stderr. What is
printed never holds control characters of the archive, so no article can steer a terminal.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import click

from .settings import wants_colour

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from .engine.result import Facet, Hit, SearchResult
    from .index.builder import BuildReport
    from .index.rollback import RollbackReport
    from .settings import Settings

FACET_VALUES_SHOWN = 8
_MARK = re.compile(r"</?mark>")


def print_text(text: str = "") -> None:
    """Print a line on stdout. A reader that has gone, as in ``| head``, ends the program quietly and well."""
    try:
        click.echo(text, color=None if wants_colour() else False)
    except BrokenPipeError:
        # Python flushes stdout once more on its way out, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def print_lines(lines: Iterable[str]) -> None:
    """Write lines on stdout as they come, as UTF-8 whatever the terminal; a reader that has gone ends it quietly."""
    stream = sys.stdout.buffer
    try:
        for line in lines:
            stream.write(line.encode("utf-8", "replace"))
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def print_error(sentence: str) -> None:
    """Print one line about trouble on stderr."""
    click.echo(f"search-app: {clean_text(sentence)}", err=True)


def print_json(body: Mapping[str, Any]) -> None:
    """Print a dict as JSON, readable for people too; as ASCII where stdout cannot hold every character."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    print_text(json.dumps(body, ensure_ascii=plain, indent=2))


def clean_text(text: str) -> str:
    """Return text on one line, without characters that steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it is not one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def print_report(report: BuildReport, *, quiet: bool = False) -> None:
    """Print what a build did: skipped files on stderr, and, unless quiet, one line of counts on stdout."""
    for skipped in report.skipped:
        detail = f" ({skipped.detail})" if skipped.detail else ""
        print_error(f"skipped {skipped.file}: {skipped.reason}{detail}")
    if not quiet:
        noun = "article" if report.articles == 1 else "articles"
        print_text(
            f"{report.articles} {noun}: {report.new} new, {report.changed} changed, {report.gone} gone, "
            f"{len(report.skipped)} skipped; {report.seconds:.1f} s"
        )


def print_log_line(
    began: float, settings: Settings, *, exit_code: int, report: BuildReport | None = None, error: str = ""
) -> None:
    """Print one line of JSON about a run of ``index``, whichever way it ended.

    began : when, in seconds since 1970. report : what it did, error : what stopped it; one of the two.
    """
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
        "event": "index",
        "outcome": "failed" if report is None else "published" if report.published else "unchanged",
        "exit_code": exit_code,
        "archive": settings.text("archive"),
        "index": settings.text("index"),
        "seconds": round(time.time() - began, 3),
    }
    if report is not None:
        line |= {name: getattr(report, name) for name in ("generation", "articles", "new", "changed", "gone")}
        line["skipped"] = len(report.skipped)
    else:
        line["error"] = clean_text(error)
    print_text(json.dumps(line))


def print_rollback(report: RollbackReport) -> None:
    """Print what a rollback went back to."""
    # A cluster that has lost the generation gets it anew.
    again = f"generation {report.back_to} serves again" if report.back_to else "it was sent once more and serves"
    told = f"{again}, as generation {report.generation}; generation {report.left} is left behind."
    if report.left == report.generation:
        told = f"generation {report.generation} holds it and goes on to serve."
    print_text(f"Back to the index of {report.built_at}, {counted(report.articles, 'article')}: {told}")


def print_pruned(found: list[tuple[str, int]], *, dry_run: bool) -> None:
    """Print what was removed, or would be: a name a line, then how much it is."""
    for name, _ in found:
        print_text(name)
    verb = "to remove" if dry_run else "removed"
    print_text(f"{counted(len(found), 'file')} {verb}, {sum(size for _, size in found):,} bytes.")


def print_result(result: SearchResult, notes: tuple[str, ...] = ()) -> None:
    """Print a page of results: how many there are, what was guessed, the hits, then the largest facet values."""
    request = result.request
    print_text(_summary_line(result))
    for sentence in (*notes, *result.warnings):
        print_text(f"Note: {clean_text(sentence)}")
    if result.corrected:
        print_text(f"Nothing has the words as typed. These are the results for: {clean_text(result.corrected)}")
    if result.did_you_mean:
        print_text(f"Did you mean: {clean_text(result.did_you_mean)}")
    first = (request.page - 1) * request.per_page + 1
    for number, hit in enumerate(result.hits, first):
        print_text()
        _print_hit(number, hit)
    if result.hits:
        print_text()
        for name, facet in result.facets.items():
            _print_facet(name, facet)
    if request.page < result.pages:
        print_text(f"Page {request.page} of {result.pages}; --page {request.page + 1} shows the next.")


def _summary_line(result: SearchResult) -> str:
    if not result.total:
        return "No article matches. Try fewer words or filters."
    count = counted(result.total, "article")
    if result.relaxed:
        return f"No article has all of these words. {count} with some of them, in {result.took_ms:.1f} ms"
    return f"{count} in {result.took_ms:.1f} ms"


def _print_hit(number: int, hit: Hit) -> None:
    print_text(f"{number}. {_marked(hit.headline_html, bold=True)}")
    about = [hit.date.isoformat(), *([hit.topic] if hit.topic else []), *(source.name for source in hit.sources)]
    print_text(click.style(clean_text(" · ".join(about)), dim=True))
    if hit.snippet_html:
        print_text(click.wrap_text(_marked(hit.snippet_html), width=96, initial_indent="   ", subsequent_indent="   "))
    print_text("   " + click.style(clean_text(hit.path), dim=True))


def _marked(escaped: str, *, bold: bool = False) -> str:
    """Return escaped text with its marks as underlining, and as a whole bold where asked."""
    parts = _MARK.split(escaped)
    # Text and marked text alternate: the split leaves what was inside the marks at odd places.
    return "".join(
        click.style(clean, bold=bold or None, underline=bool(place % 2) or None)
        for place, part in enumerate(parts)
        if (clean := _clean_part(html.unescape(part)))
    )


def _clean_part(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _print_facet(name: str, facet: Facet) -> None:
    shown = [f"{clean_text(bucket.value)} ({bucket.count:,})" for bucket in facet.buckets[:FACET_VALUES_SHOWN]]
    if not shown:
        return
    more = facet.total_values - len(shown)
    rest = f"; {more:,} more" if more > 0 else ""
    print_text(f"{name.capitalize() + ':':9}{'; '.join(shown)}{rest}")


def print_status(figures: Mapping[str, Any]) -> None:
    """Print figures about an index, one a line, and last whether it answers as it should."""
    for name, value in figures.items():
        if name == "not_ready" or value in (None, ""):
            continue
        shown = f"{value:,}" if isinstance(value, int) and name != "generation" else str(value)
        if name == "bytes":
            name, shown = "size", f"{value / 1e6:,.1f} MB"
        print_text(f"{name.replace('_', ' ').capitalize():<15} {clean_text(shown)}")
    if "not_ready" in figures:
        print_text(f"{'Ready':<15} {clean_text(' '.join(figures['not_ready'])) or 'yes'}")


class ProgressBars:
    """Progress on stderr, a bar for each phase, and only where stderr is a terminal: the builder's ``progress``."""

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._phase = ""
        self._bar: ProgressBar[int] | None = None

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps of a phase are done; a new phase ends the one before."""
        if not self._shown:
            return
        if self._bar is None or phase != self._phase or total != self._bar.length:
            self._end()
            self._phase = phase
            self._bar = click.progressbar(length=total, label=f"{phase:<10}", file=sys.stderr, show_pos=True)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()
