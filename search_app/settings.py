"""The settings table: every tunable with default, unit and one sentence of help; the only reader of the environment.

A setting's environment variable is ``SEARCH_APP_`` and its name in capitals. A command-line option wins over it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .errors import SettingsError

PREFIX = "SEARCH_APP_"


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table. ``minimum`` and ``maximum`` bound whole numbers, both included."""

    name: str
    default: str | int
    help: str
    minimum: int = 0
    maximum: int = 2**31


SETTINGS: tuple[Setting, ...] = (
    Setting("index", "index", "folder where the built index lies"),
    Setting("archive", "", "folder of the archive; serve needs it only to hand out .md files"),
    Setting("host", "127.0.0.1", "address that serve listens on"),
    Setting("port", 8000, "port that serve and demo listen on; 0 takes any free one", 0, 65535),
    Setting("url_prefix", "", "path below which the service is reached, such as /search"),
    Setting("proxies", 0, "proxies in front whose X-Forwarded headers are believed", 0, 16),
    Setting("workers", 2, "processes that serve requests", 1, 64),
    Setting("jobs", 0, "processes that read the archive; 0 is one a core", 0, 64),
    Setting("wait", 0, "seconds that index waits while another build is running", 0, 7 * 86400),
    Setting("max_file_bytes", 8 * 1024 * 1024, "larger archive files are skipped", 1024, 2**31),
    Setting("max_lost_percent", 20, "a build that loses more of its articles than this is refused", 0, 100),
    Setting("max_query_chars", 2048, "characters read of a query; the rest is dropped with a warning", 16, 20000),
    Setting("max_clauses", 100, "words and patterns of a query, a phrase for five; the rest is left out", 4, 1024),
    Setting("max_patterns", 4, "starred and fuzzy words of one query; the rest is dropped with a warning", 1, 1024),
    Setting("max_nesting", 16, "parentheses inside parentheses; deeper ones are read as flat", 2, 64),
    Setting(
        "max_expansions",
        1024,
        "terms that one pattern may stand for; the most frequent are kept, with a warning",
        16,
        65536,
    ),
    Setting("max_per_page", 100, "largest per_page", 1, 1000),
    Setting("max_facet_size", 100, "largest facet_size", 1, 10000),
    Setting("relaxed_hits", 100, "best partial matches shown where no article has all the words", 0, 10000),
    Setting("remembered_answers", 100, "last answers that one process keeps for who asks the same; 0: none", 0, 10000),
    Setting("max_index_age_hours", 0, "without a good build for longer, /readyz says so; 0 is never", 0, 24 * 366),
    Setting("slow_search_ms", 100, "searches that take longer are counted as slow", 1, 60000),
    Setting("access_log", 0, "with 1, a line for each request on stdout, without search words", 0, 1),
    Setting("log_addresses", 0, "with 1, those lines hold the clients' addresses", 0, 1),
    Setting("log_json", 0, "with 1, every line of the server's logs is JSON", 0, 1),
    Setting(
        "max_requests_a_minute",
        0,
        "requests of one client that are answered, the rest gets a 429; 0: any",
        0,
        10**6,
    ),
    Setting("max_exports", 2, "exports that one process streams at a time; more get a 503", 1, 64),
    Setting("site_name", "News archive", "name at the top of every page and in citations"),
    Setting("aliases", "", "text file of names that mean the same, a line each: UK = United Kingdom"),
    Setting("snippet_chars", 260, "length of a snippet on the result page", 60, 2000),
    Setting("engine", "embedded", "engine that answers: embedded or opensearch"),
    Setting("opensearch_url", "", "addresses of an OpenSearch cluster, parted by commas"),
    Setting("opensearch_user", "", "user name on the cluster; empty for none"),
    Setting("opensearch_password", "", "password of that user"),
    Setting("opensearch_ca", "", "file (PEM) of the authority that signed the cluster's certificates"),
    Setting("opensearch_index", "news", "alias on the cluster that readers ask; builds lie beside it as news-00000001"),
    Setting("opensearch_shards", 3, "shards of a new index on the cluster", 1, 1024),
    Setting("opensearch_replicas", 1, "copies of each shard beside the first", 0, 16),
    Setting("opensearch_timeout", 10, "seconds that the cluster has to answer a search", 1, 600),
    Setting("opensearch_window", 100, "hits of the cluster ranked again as the embedded engine ranks", 20, 5000),
)
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


class Settings(Mapping[str, str | int]):
    """The values in force: an immutable mapping, with ``text`` and ``number`` for typed access."""

    def __init__(self, values: Mapping[str, str | int]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str | int:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        """Return a setting as text."""
        return str(self._values[name])

    def number(self, name: str) -> int:
        """Return a whole-number setting."""
        return int(self._values[name])


def load_settings(environ: Mapping[str, str] | None = None, **overrides: str | int | None) -> Settings:
    """Return the settings: default, then environment, then ``overrides`` that are not None.

    environ : the environment to read, ``os.environ`` by default.
    Raises SettingsError for an unknown name or a value out of bounds; the message names the variable.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, str | int] = {}
    for setting in SETTINGS:
        raw: str | int | None = overrides.pop(setting.name, None)
        origin = setting.name
        if raw is None and environ.get(PREFIX + setting.name.upper(), "") != "":
            origin = PREFIX + setting.name.upper()
            raw = environ[origin]
        values[setting.name] = setting.default if raw is None else _checked(setting, raw, origin)
    if overrides:
        unknown = sorted(overrides)[0]
        raise SettingsError(unknown, f"{unknown} is not a setting. Known: {', '.join(BY_NAME)}.")
    return Settings(values)


def set_for_libraries(name: str, value: str) -> None:
    """Set an environment variable, for libraries that take what they need from nowhere else."""
    os.environ[name] = value


def wants_colour(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether a terminal may be sent colours: not if ``NO_COLOR`` is set (no-color.org) or it is a dumb one."""
    environ = os.environ if environ is None else environ
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _checked(setting: Setting, raw: str | int, origin: str) -> str | int:
    if isinstance(setting.default, str):
        return str(raw)
    try:
        number = int(raw)
    except ValueError:
        number = setting.minimum - 1
    if not setting.minimum <= number <= setting.maximum:
        raise SettingsError(
            setting.name,
            f"{origin} is “{raw}”; it takes a whole number from {setting.minimum} to {setting.maximum} "
            f"({setting.help}).",
        )
    return number
