"""What the commands have in common: options with their environment variables, and a search read from a command line.

In: decorated functions, parameters. Out: options; a request and notes. Messages about bad values name the option.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from .errors import QueryError
from .settings import PREFIX, Settings

if TYPE_CHECKING:
    from .web.state import SearchState

# What a parameter of the web is called on the command line, where that is not "--" and its own name.
OPTION_OF_PARAMETER = {"q": "WORDS", "per_page": "--limit"}


@dataclass(slots=True)
class Run:
    """What one run of the program is asked for beside its command."""

    debug: bool = False


class ValueList(click.types.StringParamType):
    """Text that may be given several times; in the environment, values are parted by semicolons."""

    envvar_list_splitter = ";"


def option(name: str, *also: str, **attributes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option with its environment variable, which the help names: ``--not-topic`` has ``SEARCH_APP_NOT_TOPIC``."""
    variable = PREFIX + name.lstrip("-").replace("-", "_").upper()
    return click.option(name, *also, envvar=variable, show_envvar=True, **attributes)


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Run).debug = True


debug_option = option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_set_debug,
    is_eager=True,
    help="Show a traceback with errors.",
)
index_option = option("--index", metavar="DIR", help="Folder of the index; index/ by default.")


def search_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the words and filters of a search to a command."""
    for add in reversed(
        (
            click.argument("words", nargs=-1),
            option(
                "--topic", type=ValueList(), multiple=True, metavar="T", help="Only this topic; several are any of."
            ),
            option(
                "--context",
                type=ValueList(),
                multiple=True,
                metavar="C",
                help="Only with this context; several are all of.",
            ),
            option(
                "--source",
                type=ValueList(),
                multiple=True,
                metavar="S",
                help="Only from this source; several are any of.",
            ),
            option(
                "--from", "from_", metavar="D", help="First day: 2017, 2017-01, 2017-01-16, 'jan 2017', 'last week'."
            ),
            option("--to", metavar="D", help="Last day, in the same forms; a month or year is taken whole."),
        )
    ):
        function = add(function)
    return function


def read_search(settings: Settings, words: tuple[str, ...], from_: str | None, **others: Any) -> SearchState:
    """Return the search that a command line asks for. Raises QueryError, which names the option."""
    from werkzeug.datastructures import MultiDict

    from .web.state import read_state

    parameters = {"q": " ".join(words), "from": from_, **others}
    given = MultiDict((name, _decoded(value)) for name, value in _pairs(parameters))
    try:
        return read_state(given, date.today(), settings)
    except QueryError as error:
        raise named_by_option(error) from error


def named_by_option(error: QueryError) -> QueryError:
    """Return an error about a parameter as one about the option that stands for it."""
    shown = OPTION_OF_PARAMETER.get(error.parameter, f"--{error.parameter.replace('_', '-')}")
    return QueryError(shown, error.value, error.expected)


def _pairs(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, values in parameters.items()
        for value in (values if isinstance(values, tuple) else (values,))
        if value is not None
    ]


def _decoded(text: str) -> str:
    """Return an argument as text that can be encoded again: bytes that were not UTF-8 become replacement characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
