"""The archive room: files on disk to linked articles.

Three steps: *walk* (the files, in order, one stat each), *parse* (the text of one file to a page; pure, in worker
processes), *link* (contexts joined from both ends of every edge, versions folded). Knows nothing of indexes or queries.
"""

from .linker import Linker, link
from .model import Article, Edge, FileStat, LinkedArchive, Listing, Page, Related, Skipped, Source, Version
from .parser import parse_page
from .reader import KnownPaths, Reading, no_collector, read_all, read_archive, read_pages, read_some, twin_of
from .render import plain_text, render_markdown, render_plain
from .walk import Folder, Walk, walk_archive

__all__ = [
    "Article",
    "Edge",
    "FileStat",
    "Folder",
    "KnownPaths",
    "LinkedArchive",
    "Linker",
    "Listing",
    "Page",
    "Reading",
    "Related",
    "Skipped",
    "Source",
    "Version",
    "Walk",
    "link",
    "no_collector",
    "parse_page",
    "plain_text",
    "read_all",
    "read_archive",
    "read_pages",
    "read_some",
    "render_markdown",
    "render_plain",
    "twin_of",
    "walk_archive",
]
