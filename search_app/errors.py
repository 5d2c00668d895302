"""The exception tree: one base, and a class for each thing that a caller can act on.

Details are attributes; every message says what was expected, what was found, and what to do next.
"""

from __future__ import annotations

from pathlib import Path

from .messages import Message, message


class SearchAppError(Exception):
    """Base of every error that this package raises for people. A programming mistake stays a ``ValueError``."""

    @property
    def told(self) -> str:
        """What the error says, as a ``Message`` where it can be said in another language."""
        return self.args[0] if self.args and isinstance(self.args[0], Message) else str(self)


class SettingsError(SearchAppError):
    """A setting has a value it cannot take. ``name`` is the setting's."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class ArchiveError(SearchAppError):
    """The archive folder cannot be used as a whole: missing, not a folder, unreadable, or without a single article."""

    def __init__(self, path: Path | str, message: str) -> None:
        super().__init__(message)
        self.path = path


class ArticleError(SearchAppError):
    """One file cannot be used as an article. ``reason`` is one of ``archive.model``'s small set of reasons."""

    def __init__(self, path: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{path}: {reason}{': ' + detail if detail else ''}")
        self.path = path
        self.reason = reason
        self.detail = detail


class WorkerDiedError(SearchAppError):
    """A process that read or indexed the archive was killed. ``done`` of ``total`` files or articles were through."""

    def __init__(self, done: int, total: int, what: str = "files") -> None:
        super().__init__(
            f"A process that worked on the archive died after {done} of {total} {what}, perhaps for want of memory. "
            "Nothing was changed; run again, with --jobs 1 if it happens again."
        )
        self.done = done
        self.total = total


class QueryError(SearchAppError):
    """A search asks for something that cannot be answered. ``parameter`` and ``value`` name the culprit.

    ``expected`` says in one sentence what the parameter takes.
    """

    def __init__(self, parameter: str, value: str, expected: str) -> None:
        shown = value if len(value) <= 80 else value[:77] + "…"
        super().__init__(
            message(
                "{parameter}: “{value}” cannot be used. {expected}", parameter=parameter, value=shown, expected=expected
            )
        )
        self.parameter = parameter
        self.value = value
        self.expected = expected


class DateTextError(SearchAppError):
    """A date cannot be read. ``text`` is what was typed; ``problem`` says what is wrong with it, as a sentence.

    ``expected`` says in one sentence what to write instead.
    """

    def __init__(self, text: str, problem: str, expected: str) -> None:
        shown = text if len(text) <= 40 else text[:37] + "…"
        super().__init__(message("“{text}” {problem} {expected}", text=shown, problem=problem, expected=expected))
        self.text = text
        self.problem = problem
        self.expected = expected


class PageNotFoundError(SearchAppError):
    """A page past the last one was asked for. ``page`` was asked, ``pages`` exist."""

    def __init__(self, page: int, pages: int) -> None:
        last = message("The last page is {pages}.", pages=pages) if pages else message("There are no results.")
        super().__init__(message("There is no page {page}. {last}", page=page, last=last))
        self.page = page
        self.pages = pages


class GenerationGoneError(SearchAppError):
    """A search goes on in a generation that is no longer kept. ``generation`` is its number."""

    def __init__(self, generation: int) -> None:
        super().__init__(
            "This cursor belongs to an index that has been replaced since, and is no longer kept. "
            "Begin again without cursor."
        )
        self.generation = generation


class IndexMissingError(SearchAppError):
    """No index lies where one was expected."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"There is no index in {path}. Build one with: search-app index ARCHIVE --index {path}")
        self.path = path


class IndexVersionError(SearchAppError):
    """The index was written by another version or with another schema."""

    def __init__(self, path: Path | str, found: str, expected: str) -> None:
        super().__init__(
            f"The index in {path} was built by another version (format {found}; this version reads {expected}). "
            f"Rebuild it with: search-app index ARCHIVE --index {path} --full"
        )
        self.path = path
        self.found = found
        self.expected = expected


class IndexUnreadableError(SearchAppError):
    """The system does not let the index be read: its permissions, or too many open files. ``path`` is its folder."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(
            f"The index in {path} cannot be read: the system says “{problem}”. "
            "Let the user who runs this read the folder and all its files."
        )
        self.path = path
        self.problem = problem


class IndexDamagedError(SearchAppError):
    """A file of the index does not hold what was written. ``path`` names it, ``section`` the part, where known."""

    def __init__(self, path: Path | str, problem: str, section: str = "") -> None:
        where = f"{path}, section {section}" if section else f"{path}"
        super().__init__(
            f"The index is damaged: {where}: {problem}. "
            "Rebuild it from the archive with: search-app index ARCHIVE --full"
        )
        self.path = path
        self.section = section
        self.problem = problem


class ClusterError(SearchAppError):
    """The OpenSearch cluster does not do what it was asked to. ``cluster`` names it, ``problem`` says what it did.

    status : of its answer, 0 without one. refused : whether it refused the credentials.
    passing : whether the same question may be answered a moment later.
    """

    def __init__(
        self, cluster: str, problem: str, *, status: int = 0, refused: bool = False, passing: bool = False
    ) -> None:
        super().__init__(f"The OpenSearch cluster {cluster} cannot be used: {problem}.")
        self.cluster = cluster
        self.problem = problem
        self.status = status
        self.refused = refused
        self.passing = passing


class ClusterIndexMissingError(IndexMissingError):
    """No index lies on the cluster under the alias that the settings name."""

    def __init__(self, cluster: str, alias: str) -> None:
        super().__init__(f"{cluster}/{alias}")
        self.args = (
            f"There is no index “{alias}” on the cluster {cluster}. Build one with the same settings: "
            "search-app index ARCHIVE",
        )


class ClusterIndexVersionError(IndexVersionError):
    """The index on the cluster was written by another version."""

    def __init__(self, cluster: str, index: str, found: str, expected: str) -> None:
        super().__init__(f"{cluster}/{index}", found, expected)
        self.args = (
            f"The index {index} on the cluster {cluster} was built by another version (format {found or 'unknown'}; "
            f"this version reads {expected}). Build one beside it with: search-app index ARCHIVE",
        )


class BuildRunningError(SearchAppError):
    """Another build holds the lock. ``holder`` is what it wrote about itself."""

    def __init__(self, path: Path | str, holder: str) -> None:
        super().__init__(
            f"Another build is writing to {path} ({holder}). Nothing was changed; run again when it is done."
        )
        self.path = path
        self.holder = holder


class BuildRefusedError(SearchAppError):
    """A build was stopped before publishing because its result looks wrong; the index that served before stands."""


class RollbackError(SearchAppError):
    """There is no earlier generation that could serve again."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"There is no earlier generation in {path} to return to: none was built before this one, it is damaged, "
            "or another version built it. Nothing was changed. Mend the archive and build from it with: "
            "search-app index ARCHIVE"
        )
        self.path = path


class NotTheBuilderError(SearchAppError):
    """The folder from which a cluster's index is built is not on this machine."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"There is nothing in {path}, so this is not the machine that builds the cluster's index. Run this where "
            "search-app index runs, or name its folder with --index."
        )
        self.path = path


class WatchError(SearchAppError):
    """The file that should remember what a watched search has reported cannot be used."""


class ExtraMissingError(SearchAppError):
    """A command needs a package that is installed only where it is asked for. ``extra`` names it."""

    def __init__(self, extra: str) -> None:
        super().__init__(
            f"This command needs the optional package {extra}, which is not installed. "
            f"Install it with: pip install 'search-app[{extra}]'"
        )
        self.extra = extra


class ServeError(SearchAppError):
    """The server cannot listen where it was asked to."""
