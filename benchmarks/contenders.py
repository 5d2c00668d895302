"""The list of contenders, this engine first."""

from __future__ import annotations

from importlib.util import find_spec

from .contender import Contender
from .ours import Ours
from .peer_sqlite import Sqlite
from .peer_whoosh import Whoosh


def all_contenders() -> list[Contender]:
    """Return one of each, not yet opened; the first is what the others are compared with.

    A peer whose library is not installed is left out: the extra ``bench`` installs them all.
    """
    contenders: list[Contender] = [Ours(), Sqlite(), Whoosh()]
    if find_spec("tantivy") is not None:
        from .peer_tantivy import Tantivy

        contenders.insert(1, Tantivy())
    return contenders
