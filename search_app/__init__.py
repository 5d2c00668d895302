"""Full-text and faceted search over a news archive of Markdown files: archive to index, index to answers."""

from __future__ import annotations

# The one of typing, which takes longer to import than this module may: an interrupt meanwhile would show a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .library import Index

__version__ = "0.1.0"
__all__ = ["__version__", "open_index"]


def open_index(folder: str | Path | None = None, **settings: str | int) -> Index:
    """Return the index in a folder, opened for reading; see ``library.Index`` for what it answers.

    folder : the setting ``index`` where None. settings : other settings by their names.
    Raises IndexMissingError, IndexVersionError or IndexDamagedError where it cannot be opened.

        from search_app import open_index

        with open_index("index") as index:
            for hit in index.search("comet", since="2024").hits:
                print(hit.date, hit.headline)
    """
    # Not before it is asked for: the commands need the version alone.
    from .library import Index

    return Index(folder, **settings)
