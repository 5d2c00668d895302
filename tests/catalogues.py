"""The texts of the interface, collected from the code, and the catalogues that translate them.

``python tests/catalogues.py`` brings every catalogue up to date with the code, says what is left to translate, and
compiles; ``test_language.py`` holds that this has been done.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

REPOSITORY = Path(__file__).resolve().parent.parent
LOCALE = REPOSITORY / "search_app" / "locale"
KEYWORDS = {"_": None, "around": None, "message": None, "plural": (1, 2)}


def collect() -> Catalog:
    """Return every text of the code that is shown on pages, with the files it stands in."""
    catalogue = Catalog(project="search-app", charset="utf-8")
    sources = [(path, "python") for path in sorted((REPOSITORY / "search_app").rglob("*.py"))]
    sources += [(path, "jinja2.ext:babel_extract") for path in sorted((REPOSITORY / "templates").rglob("*.html"))]
    for path, method in sources:
        for _line, texts, _comments, _context in extract_from_file(method, path, KEYWORDS, options={"silent": "false"}):
            catalogue.add(texts, locations=[(path.relative_to(REPOSITORY).as_posix(), 0)])
    return catalogue


def po_file(code: str) -> Path:
    """Return the catalogue of a language as people edit it."""
    return LOCALE / code / "LC_MESSAGES" / "search_app.po"


def read_catalogue(code: str) -> Catalog:
    """Return the catalogue of a language; an empty one where there is none yet."""
    path = po_file(code)
    catalogue = Catalog(locale=code)
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=code)
    # The same texts make the same file, whoever writes it and when.
    catalogue.project, catalogue.version, catalogue.fuzzy = "search-app", "1", False
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = "none"
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    catalogue.header_comment = f"# The interface in one language: {code}."
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue in the form that is read when pages are served."""
    body = BytesIO()
    write_mo(body, catalogue)
    return body.getvalue()


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the texts of a catalogue that have no translation, or a doubtful one."""
    return [
        str(text.id)
        for text in catalogue
        if text.id and (text.fuzzy or not all(text.string if isinstance(text.string, tuple) else (text.string,)))
    ]


def main() -> None:
    """Update every catalogue, fill in the English one, compile."""
    for folder in sorted(path for path in LOCALE.iterdir() if path.is_dir()):
        code = folder.name
        catalogue = read_catalogue(code)
        # The same texts make the same file, whenever it is written.
        template = collect()
        template.creation_date = catalogue.creation_date
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        if code == "en":
            left = untranslated(catalogue)
            for text in catalogue:
                if str(text.id) in left:
                    text.string = text.id
        with po_file(code).open("wb") as file:
            write_po(file, catalogue, width=116, sort_output=True, omit_header=False, include_lineno=False)
        po_file(code).with_suffix(".mo").write_bytes(compiled(catalogue))
        print(f"{code}: {len(catalogue)} texts, {len(untranslated(catalogue))} left to translate")


if __name__ == "__main__":
    main()
