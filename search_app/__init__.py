"""Full-text and faceted search over a news archive of Markdown files: archive to index, index to answers."""

__version__ = "0.1.0"
