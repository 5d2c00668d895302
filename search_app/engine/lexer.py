"""Query text to tokens, in one pass from left to right.

In: text as typed. Out: a list of ``Token``, with parentheses balanced and nested no deeper than allowed, and notes on
what was ignored on the way. Every character is looked at a bounded number of times, whatever the text: patterns either
consume what they match or look ahead a fixed distance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from ..messages import message
from .date_terms import DATE_NAMES
from .query import QUOTES, has_substance

FIELD_NAMES = {
    "headline": "headline",
    "headlines": "headline",
    "title": "headline",
    "intitle": "headline",
    "summary": "summary",
    "text": "summary",
    "intext": "summary",
    "body": "summary",
    "topic": "topic",
    "topics": "topic",
    "subject": "topic",
    "context": "context",
    "contexts": "context",
    "tag": "context",
    "source": "source",
    "sources": "source",
    "site": "source",
    "publisher": "source",
}
"""What people write before the colon, and the field it means. Aliases are kept for ever: they stand in saved links."""

KNOWN_NAMES = "headline:, summary:, topic:, context:, source:, date:, before:, after:, since: and until:"
MAX_NOTES = 8


class Kind(Enum):
    """What a token is."""

    OPEN = auto()
    CLOSE = auto()
    AND = auto()
    OR = auto()
    NOT = auto()
    FIELD = auto()
    WORD = auto()
    PHRASE = auto()


class Token(NamedTuple):
    """One piece of a query.

    text : a word as typed, escapes and stars still in it; a phrase without its quotes; a field's name, no colon.
    tail : what stands right behind a word, phrase or closing parenthesis: ``~2``, ``^1.5``, or both.
    detached : a field whose value stands behind a space.
    """

    kind: Kind
    text: str = ""
    tail: str = ""
    detached: bool = False


@dataclass(slots=True)
class Notes:
    """Sentences on what was ignored or guessed: each once, in order, and no more than ``MAX_NOTES`` of them."""

    sentences: dict[str, None] = field(default_factory=dict)

    def add(self, sentence: str) -> None:
        """Note a sentence unless it is known."""
        self.sentences[sentence] = None

    def as_tuple(self) -> tuple[str, ...]:
        """Return the sentences, the last one telling how many were left out."""
        every = tuple(self.sentences)
        if len(every) <= MAX_NOTES:
            return every
        return (
            *every[: MAX_NOTES - 1],
            message("{count} more parts of the query were ignored or guessed.", count=len(every) - MAX_NOTES + 1),
        )


def quoted(text: str) -> str:
    """Return text in quotes for a sentence, shortened to 40 characters."""
    return f"“{text if len(text) <= 40 else text[:39] + '…'}”"


_OPEN, _CLOSE = "(（", ")）"
_CHUNK = re.compile(rf"(?:\\.|[^\s{_OPEN}{_CLOSE}{QUOTES}\\])++\\?|\\", re.DOTALL)
_UNQUOTED = re.compile(rf"[^{QUOTES}]*")
_TAIL = re.compile(r"(?:[~^][0-9.]*)+")
_FIELD = re.compile(r"([A-Za-z_]{1,32})[:：]")
# A range in brackets holds spaces. It is short, so the look-ahead for its end is short.
_BRACKETS = re.compile(rf"[\[{{][^\]}}\[{{{_OPEN}{_CLOSE}]{{0,80}}[\]}}]")
_OPERATORS = {"AND": Kind.AND, "OR": Kind.OR, "NOT": Kind.NOT, "&&": Kind.AND, "||": Kind.OR, "|": Kind.OR}


def split_tail(raw: str) -> tuple[str, str]:
    """Split ``word~2^3`` into ``word`` and ``~2^3``. A marker behind a backslash is part of the word."""
    rest = raw.rstrip("0123456789.~^")
    at = len(rest)
    if at < len(raw) and (at - len(rest.rstrip("\\"))) % 2:
        at += 1  # the first character is escaped
    marks = [found for found in (raw.find("~", at), raw.find("^", at)) if found >= 0]
    return (raw[: min(marks)], raw[min(marks) :]) if marks else (raw, "")


def tokenize(text: str, max_nesting: int, max_tokens: int, notes: Notes) -> list[Token]:
    """Return the tokens of a query text. Raises nothing, whatever the text. Cost: linear.

    text : NFC, without control characters.
    max_nesting : parentheses deeper than this are left out, with a note; what they hold stays.
    max_tokens : what comes after so many tokens is left out, with a note.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
        elif len(tokens) >= max_tokens:
            notes.add(
                message("The query has more than {count} words and signs; the rest was left out.", count=max_tokens)
            )
            break
        elif character in _OPEN:
            tokens.append(Token(Kind.OPEN))
            at += 1
        elif character in _CLOSE:
            tail = _tail_at(text, at + 1)
            tokens.append(Token(Kind.CLOSE, tail=tail))
            at += 1 + len(tail)
        elif character in QUOTES:
            at = _read_phrase(text, at, tokens, notes)
        else:
            at = _read_chunk(text, at, tokens, notes)
    return _balanced(tokens, max_nesting, notes, complete=at >= len(text))


def _tail_at(text: str, at: int) -> str:
    tail = _TAIL.match(text, at)
    return tail[0] if tail else ""


def _read_phrase(text: str, at: int, tokens: list[Token], notes: Notes) -> int:
    inside = _UNQUOTED.match(text, at + 1)
    end = inside.end() if inside else at + 1
    phrase = text[at + 1 : end]
    if end == len(text):
        if has_substance(phrase):
            notes.add(message("A quotation mark is not closed; the phrase was read up to the end."))
            tokens.append(Token(Kind.PHRASE, phrase))
        else:
            notes.add(message("A single quotation mark was ignored."))
        return end
    tail = _tail_at(text, end + 1)
    tokens.append(Token(Kind.PHRASE, phrase, tail))
    return end + 1 + len(tail)


def _read_chunk(text: str, at: int, tokens: list[Token], notes: Notes) -> int:
    """Read up to the next space, quotation mark or parenthesis; return where that ends."""
    match = _CHUNK.match(text, at)
    end = match.end() if match else at + 1
    raw = text[at:end]
    joined = end < len(text) and not text[end].isspace()  # a quotation mark or parenthesis follows at once
    if raw in _OPERATORS:
        tokens.append(Token(_OPERATORS[raw]))
        return end
    word = _read_signs(raw, joined, tokens, notes)
    if not word:
        return end
    name = _FIELD.match(word)
    if name is None:
        tokens.append(Token(Kind.WORD, *split_tail(word)))
        return end
    value = word[name.end() :]
    known = name[1].lower() in FIELD_NAMES or name[1].lower() in DATE_NAMES
    if value.startswith("//") or not (known or joined or value.strip("/")):
        tokens.append(Token(Kind.WORD, *split_tail(word)))  # an address, or “note:” in running text
        return end
    tokens.append(Token(Kind.FIELD, name[1], detached=not value.strip("-+") and not joined))
    if name[1].lower() in DATE_NAMES and value[:1] in ("[", "{"):
        brackets = _BRACKETS.match(text, end - len(value))
        if brackets:
            value = brackets[0]
            end = brackets.end()
    elif value:
        value = _read_signs(value, joined, tokens, notes)
    if value:
        tokens.append(Token(Kind.WORD, *split_tail(value)))
    return end


def _read_signs(raw: str, joined: bool, tokens: list[Token], notes: Notes) -> str:
    """Read ``-`` and ``+`` in front; return the word behind them. Two hyphens are a dash, which means nothing."""
    word = raw.lstrip("-+")
    signs = raw[: len(raw) - len(word)]
    if not signs:
        return raw
    if not word and not joined:
        notes.add(message("{shown} stands alone and was ignored; write it right before a word.", shown=quoted(signs)))
    elif signs == "-":
        tokens.append(Token(Kind.NOT))
    return word


def _balanced(tokens: list[Token], max_nesting: int, notes: Notes, complete: bool) -> list[Token]:
    """Return the tokens with every parenthesis closed, none closed twice, none deeper than allowed."""
    kept: list[Token] = []
    depth = 0
    for token in tokens:
        if token.kind is Kind.OPEN:
            depth += 1
            if depth > max_nesting:
                notes.add(
                    message(
                        "Parentheses stand inside each other more than {count} deep; the inner ones were ignored. "
                        "Write the query with fewer.",
                        count=max_nesting,
                    )
                )
                continue
        elif token.kind is Kind.CLOSE:
            if not depth:
                notes.add(message("A closing parenthesis without an opening one was ignored."))
                continue
            depth -= 1
            if depth >= max_nesting:
                continue
        kept.append(token)
    if depth:
        if complete:
            notes.add(message("A parenthesis is not closed; it was closed at the end."))
        kept.extend([Token(Kind.CLOSE)] * min(depth, max_nesting))
    return kept
