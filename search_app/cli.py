"""The commands of ``search-app``: what each takes, which room answers it, and which exit code its end has.

In: the command line. Out: text on stdout for people or programs, one sentence on stderr for each trouble. The commands
hold no logic of their own; how answers look is ``cli_output``'s business.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from socket import socket
from typing import Any

import click

from . import __version__
from .cli_export import export, watch
from .cli_mcp import mcp
from .cli_options import Run, debug_option, index_option, named_by_option, option, read_search, search_options
from .cli_output import (
    ProgressBars,
    counted,
    print_error,
    print_json,
    print_log_line,
    print_pruned,
    print_report,
    print_result,
    print_rollback,
    print_status,
    print_text,
)
from .errors import BuildRunningError, IndexUnreadableError, QueryError, SearchAppError, SettingsError, WatchError
from .settings import Settings, load_settings

DONE, FAILED, MISUSED, BUSY, INTERRUPTED = 0, 1, 2, 75, 130
EXIT_CODES: tuple[tuple[type[SearchAppError], int], ...] = (
    (BuildRunningError, BUSY),
    (QueryError, MISUSED),
    (SettingsError, MISUSED),
    (WatchError, MISUSED),
)
host_option = option("--host", metavar="HOST", help="Address to listen on; 127.0.0.1 by default.")
port_option = option("--port", metavar="N", help="Port to listen on; 8000 by default, 0 takes any free one.")
wait_option = option("--wait", metavar="SECONDS", help="Wait so long while another build is running; 0 by default.")
workers_option = option("--workers", metavar="N", help="Processes that answer requests; 2 by default.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="search-app", message="%(prog)s %(version)s")
@debug_option
def commands() -> None:
    """Full-text and faceted search over a news archive of Markdown files.

    Try it: search-app demo
    """


@commands.command()
@click.argument("archive", required=False)
@index_option
@option("--full", is_flag=True, help="Read every file again instead of what changed.")
@option("--jobs", metavar="N", help="Processes that read files; one a core by default.")
@option("--quiet", is_flag=True, help="Print nothing unless something is wrong; for cron.")
@option("--force", is_flag=True, help="Publish even an index that has lost many articles.")
@wait_option
@option("--log", type=click.Choice(["text", "json"]), default="text", help="json: end with a line for programs.")
@debug_option
def index(
    archive: str | None,
    index: str | None,
    full: bool,
    jobs: str | None,
    quiet: bool,
    force: bool,
    wait: str | None,
    log: str,
) -> None:
    """Bring the index up to date with the folder ARCHIVE.

    Exit codes: 0 done; 1 failed, the index that served before still serves; 2 wrong usage; 75 another build is running.
    """
    from .engine.building import build_for_engine

    settings = load_settings(archive=archive, index=index, jobs=jobs, wait=wait)
    if not settings.text("archive"):
        raise click.UsageError("Which archive? Name its folder: search-app index ARCHIVE")
    began = time.time()
    try:
        with ProgressBars(shown=not quiet) as bars:
            report = build_for_engine(
                Path(settings.text("archive")),
                Path(settings.text("index")),
                settings=settings,
                full=full,
                jobs=settings.number("jobs"),
                force=force,
                progress=bars,
                wait_seconds=settings.number("wait"),
            )
    except Exception as error:
        if log == "json":
            print_log_line(began, settings, exit_code=_exit_code(error), error=_sentence(error))
        raise
    print_report(report, quiet=quiet or log == "json")
    if log == "json":
        print_log_line(began, settings, exit_code=DONE, report=report)


@commands.command()
@search_options
@option("--sort", metavar="ORDER", help="relevance, newest or oldest.")
@option("--half-life", metavar="DAYS", help="By relevance, newer articles first among equals; off by default.")
@option("--limit", metavar="N", help="Results to show; 20 by default.")
@option("--page", metavar="N", help="Which page of them; the first by default.")
@option("--json", "as_json", is_flag=True, help="Print what /api/search answers.")
@index_option
@debug_option
def search(
    words: tuple[str, ...], index: str | None, from_: str | None, limit: str | None, as_json: bool, **filters: Any
) -> None:
    """Search in the terminal.

    WORDS are in the query language of the web pages.

    Without WORDS, what the options ask for, newest first. Shells take quotes away: write a phrase as '"peace talks"',
    and put -- before a word to leave out: search-app search -- talks -peace.
    """
    # Rooms are imported by the command that needs them: help and wrong usage are answered in a tenth of the time.
    from .engine import open_engine
    from .web.answers import search_answer
    from .web.cursors import way_on
    from .web.links import Links

    settings = load_settings(index=index)
    state = read_search(settings, words, from_, per_page=limit, **filters)
    engine = open_engine(Path(settings.text("index")), settings)
    try:
        result = engine.search(state.request)
    except QueryError as error:
        raise named_by_option(error) from error
    finally:
        engine.close()
    if as_json:
        asked, links = state.request, Links()
        seen = (asked.page - 1) * asked.per_page
        print_json(search_answer(result, links, state.notes) | way_on(result, asked, seen, links))
    else:
        print_result(result, state.notes)


@commands.command()
@index_option
@option("--json", "as_json", is_flag=True, help="Print it for programs.")
@debug_option
def status(index: str | None, as_json: bool) -> None:
    """Say what the index holds.

    Articles, dates, size, when and from which archive it was built, and whether it answers as it should."""
    from .engine import EMBEDDED, engine_name, open_engine
    from .engine.readiness import find_troubles

    settings = load_settings(index=index)
    engine = open_engine(Path(settings.text("index")), settings)
    try:
        place = {"index": str(Path(settings.text("index")).resolve())} if engine_name(settings) == EMBEDDED else {}
        figures = {**place, **engine.status()}
        figures["not_ready"] = list(find_troubles(lambda: engine, settings))
    finally:
        engine.close()
    if as_json:
        print_json(figures)
    else:
        print_status(figures)


@commands.command()
@index_option
@debug_option
def check(index: str | None) -> int:
    """Read the whole index and verify it.

    Exit code 0: sound; 1: not, with what is wrong."""
    from .engine.upkeep import check_for_engine

    settings = load_settings(index=index)
    report = check_for_engine(Path(settings.text("index")), settings)
    for problem in report.problems:
        print_error(problem)
    counts = ", ".join(counted(count, name.removesuffix("s")) for name, count in report.checked.items())
    if report.problems:
        print_error("The index is damaged. Rebuild it from the archive with: search-app index ARCHIVE --full")
        return FAILED
    print_text(f"The index is sound: {counts}.")
    return DONE


@commands.command()
@index_option
@wait_option
@debug_option
def rollback(index: str | None, wait: str | None) -> None:
    """Return to the index before the newest.

    Servers pick it up as they pick up a build. The next run of index goes on from there: stop that, or mend the
    archive, first. Exit code 1 where there is nothing to return to."""
    from .engine.upkeep import roll_back_for_engine

    settings = load_settings(index=index, wait=wait)
    print_rollback(roll_back_for_engine(Path(settings.text("index")), settings, settings.number("wait")))


@commands.command()
@index_option
@option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@wait_option
@debug_option
def prune(index: str | None, dry_run: bool, wait: str | None) -> None:
    """Remove what neither the newest index nor the one before it needs.

    Every run of index does so too."""
    from .engine.upkeep import prune_for_engine

    settings = load_settings(index=index, wait=wait)
    folder, patience = Path(settings.text("index")), settings.number("wait")
    found = prune_for_engine(folder, settings, dry_run=dry_run, wait_seconds=patience)
    print_pruned(found, dry_run=dry_run)


@commands.command()
@index_option
@option("--archive", metavar="DIR", help="Folder of the archive, to hand out articles as .md files.")
@host_option
@port_option
@workers_option
@debug_option
def serve(**options: Any) -> None:
    """Serve web pages and API.

    Every new index is picked up without a restart. Ends with Ctrl-C or SIGTERM."""
    from .server import bind_socket

    settings = load_settings(**options)
    _serve(settings, bind_socket(settings.text("host"), settings.number("port")))


@commands.command()
@host_option
@port_option
@workers_option
@debug_option
def demo(**options: Any) -> None:
    """Serve a small invented archive.

    Writes it to a temporary folder, indexes it and serves it there. Ends with Ctrl-C, and leaves nothing behind."""
    from .index.builder import build_index
    from .sample import write_sample
    from .server import bind_socket

    settings = load_settings(**options)
    bound = bind_socket(settings.text("host"), settings.number("port"))
    owner = os.getpid()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(DONE))
    folder = Path(tempfile.mkdtemp(prefix="search-app-demo-"))
    try:
        archive, index_dir = folder / "archive", folder / "index"
        settings = load_settings(**options, archive=str(archive), index=str(index_dir), site_name="News of the Straits")
        counts = write_sample(archive)
        print_text(f"Wrote {counts['article'] + counts['editorial']} invented articles to {archive}")
        with ProgressBars() as bars:
            report = build_index(archive, index_dir, settings=settings, progress=bars)
        print_report(report)
        _serve(settings, bound)
    finally:
        # Workers of the server leave through here as well; the folder belongs to the process that made it.
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


commands.add_command(export)
commands.add_command(watch)
commands.add_command(mcp)


def _serve(settings: Settings, bound: socket) -> None:
    from .engine import EMBEDDED, engine_name
    from .index.manifest import list_generations
    from .server import serve_app, socket_url
    from .server_log import LogStyle
    from .shared_folder import shared_folder
    from .web.app import create_app
    from .web.metrics import share_counts
    from .web.rendering import load_templates

    url = socket_url(bound)

    def ready() -> None:
        print_text(f"Serving on {url} (stop with Ctrl-C)")
        if engine_name(settings) != EMBEDDED:
            return
        index_dir = Path(settings.text("index"))
        try:
            if not list_generations(index_dir):
                folder = index_dir.resolve()
                print_error(f"There is no index in {folder} yet. Searches are answered as soon as there is one.")
        except OSError as error:
            print_error(str(IndexUnreadableError(index_dir, error.strerror or str(error))))

    style = LogStyle(*(bool(settings.number(name)) for name in ("access_log", "log_addresses", "log_json")))
    with shared_folder() as folder:
        share_counts(folder)
        app = create_app({**settings, "METRICS_FOLDER": folder})
        load_templates(app.jinja_env)
        serve_app(
            app,
            bound,
            workers=settings.number("workers"),
            ready=ready,
            style=style,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Prints one sentence for each trouble, a traceback only where asked."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    run = Run()
    try:
        outcome = commands.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="search-app",
            standalone_mode=False,
            obj=run,
        )
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        print_error("Stopped.")
        return INTERRUPTED
    except Exception as error:
        if run.debug:
            traceback.print_exc()
        else:
            print_error(_sentence(error))
        return _exit_code(error)
    return outcome if isinstance(outcome, int) else DONE


def _exit_code(error: Exception) -> int:
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), FAILED)


def _sentence(error: Exception) -> str:
    """Return what to tell a person about an error: its own sentence where it is meant for people."""
    if isinstance(error, SearchAppError):
        return str(error)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "There is not enough memory. Close other programs, or read the archive with --jobs 1."
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename is not None else ""
        return f"The system says “{error.strerror}”{where}. Mend that and run again."
    return f"This should not have happened: {type(error).__name__}: {error}. --debug shows where."
