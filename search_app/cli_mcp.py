"""The command that hands the archive to assistants: ``mcp``.

In: a command line. Out: the Model Context Protocol on stdin and stdout, or one sentence on what is lacking.
"""

from __future__ import annotations

from importlib.util import find_spec

import click

from .cli_options import debug_option, index_option
from .errors import ExtraMissingError
from .settings import load_settings


@click.command()
@index_option
@debug_option
def mcp(index: str | None) -> None:
    """Serve search, article and facet as tools to an assistant.

    Speaks the Model Context Protocol on stdin and stdout; the assistant's program starts this command by itself.
    """
    settings = load_settings(index=index)
    try:
        lacking = find_spec("mcp") is None
    except ValueError:
        lacking = True
    if lacking:
        raise ExtraMissingError("mcp")
    from .assistants import serve_assistants

    serve_assistants(settings)
