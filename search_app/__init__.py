"""Full-text and faceted search over a news archive of Markdown files: from the archive to an index, and from it to answers."""

__version__ = "0.1.0"
