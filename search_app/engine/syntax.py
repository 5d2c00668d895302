"""Query text to query tree. Whatever a person types gets a tree; whatever was ignored or guessed is named in a warning.

In: text, the day that is today, limits. Out: ``ParsedQuery``. The language::

    syria talks            both words, in any form and order       "peace talks"      these words as written, in order
    syria OR turkey        at least one                            "peace talks"~5    up to 5 other words between them
    -turkey  NOT turkey    without it                              (a OR b) c         parentheses group
    syr*  wom?n  *burg     beginnings, shapes                      astana~  astana~2  1 or 2 letters different
    headline:syria         also summary: topic: context: source:   headline:(a OR b)  the same field for a group
    date:2017-01           also before: after: since: until:       date:2016..2018    date:[2016 TO 2018]
    syria^2                counts twice for the order              \\*                 the character itself

AND, OR and NOT are operators in capitals only; ``and``, ``or`` and ``not`` are words.

How tightly they bind: NOT, then a written AND, then OR, then the space between two words, loosest. So ``syria talks OR
peace`` is syria and (talks or peace), as in web search engines, and ``a AND b OR c`` is (a and b) or c, as in library
catalogues. Parentheses win over all of it, and ``describe`` always shows the grouping.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from ..errors import DateTextError
from ..messages import message
from ..settings import BY_NAME
from .date_terms import DATE_NAMES, read_date_term
from .lexer import FIELD_NAMES, KNOWN_NAMES, Kind, Notes, Token, quoted, tokenize
from .query import (
    MATCH_ALL,
    MAX_BOOST,
    MAX_SLOP,
    MIN_BOOST,
    MIN_FUZZY_CHARS,
    And,
    Boost,
    Fuzzy,
    MatchNone,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    TextLeaf,
    Wildcard,
    Word,
    clean_leaf,
    has_substance,
    normalise,
    simplify,
)


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """How much of a query is read; the defaults are those of the settings table."""

    max_chars: int = int(BY_NAME["max_query_chars"].default)
    max_clauses: int = int(BY_NAME["max_clauses"].default)
    max_nesting: int = int(BY_NAME["max_nesting"].default)
    max_patterns: int = int(BY_NAME["max_patterns"].default)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """What a query text means.

    tree : simplified. warnings : what was ignored or guessed, a sentence each, for the person who typed.
    """

    tree: Query
    warnings: tuple[str, ...] = ()


DEFAULT_LIMITS = QueryLimits()
_PLAIN_WORDS = re.compile("[A-Za-z]+(?: [A-Za-z]+)*")
_OPERATORS = frozenset(("AND", "OR", "NOT"))
# A clause has its field, its sign and a share in parentheses and operators. Beyond this there are signs only.
_TOKENS_PER_CLAUSE = 8
_PHRASE_CLAUSES = 5


def parse_query(text: str, *, today: date, limits: QueryLimits = DEFAULT_LIMITS) -> ParsedQuery:
    """Return the tree of a query text, with a warning for everything that was ignored or guessed.

    Does not know which words the archive has, and leaves stop words and analysis to the evaluator.
    text : anything. Blank text is MatchAll; so, with a warning, is text in which there is nothing to search for.
    today : the day that ``date:yesterday`` counts from.
    Raises nothing, whatever the text. Cost: linear in the characters read.
    """
    words = text.split(" ") if _PLAIN_WORDS.fullmatch(text) else ()
    if 0 < len(words) <= limits.max_clauses and len(text) <= limits.max_chars and _OPERATORS.isdisjoint(words):
        # What most people type most of the time; the grammar would say the same, in ten times the time.
        plain = tuple(Word(word) for word in dict.fromkeys(words))
        return ParsedQuery(plain[0] if len(plain) == 1 else And(plain))
    notes = Notes()
    used = _cut(text, limits.max_chars, notes)
    tokens = tokenize(used, limits.max_nesting, _TOKENS_PER_CLAUSE * limits.max_clauses, notes)
    parser = _Parser(tokens, today, limits, notes)
    parsed = parser.parse()
    tree = simplify(parsed) if parsed is not None else MATCH_ALL
    if parsed is None and used.strip():
        notes.add(message("There is no word or date to search for in the query, so it stands for every article."))
    if isinstance(tree, MatchNone) and parser.has_dates:
        notes.add(message("No day meets all the dates of the query, so it matches nothing."))
    return ParsedQuery(tree, notes.as_tuple())


def _cut(text: str, max_chars: int, notes: Notes) -> str:
    """Return the text in NFC, cut behind the last whole word that fits."""
    used = normalise(text[:max_chars])[:max_chars]
    if len(text) <= max_chars:
        return used
    notes.add(
        message("The query is longer than {count:,} characters; what comes after them was left out.", count=max_chars)
    )
    if not text[max_chars].isspace():
        space = used.rfind(" ", max_chars // 2)
        used = used[:space] if space > 0 else used
    return used


class _Parser:
    """Recursive descent over balanced tokens; every method returns None for what was ignored."""

    def __init__(self, tokens: list[Token], today: date, limits: QueryLimits, notes: Notes) -> None:
        self._tokens = tokens
        self._at = 0
        self._today = today
        self._clauses_left = self._max_clauses = limits.max_clauses
        self._patterns_left = self._max_patterns = limits.max_patterns
        self._notes = notes
        self._unknown_names: set[str] = set()
        self.has_dates = False

    def parse(self) -> Query | None:
        return self._sequence(None)

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _sequence(self, name: str | None) -> Query | None:
        """Read up to the closing parenthesis or the end. ``name`` is the field in force.

        Groups are lists in lists: operands joined by AND, within alternatives joined by OR, within what is side by
        side.
        An operand that was ignored keeps its place, so that the operators around it do not take hold of others.
        """
        groups: list[list[list[Query | None]]] = []
        operator: Token | None = None
        while (token := self._peek()) is not None and token.kind is not Kind.CLOSE:
            if token.kind in (Kind.AND, Kind.OR):
                self._at += 1
                if operator is not None or not groups:
                    self._notes.add(
                        message("{word} has nothing to join before it and was ignored.", word=token.kind.name)
                    )
                else:
                    operator = token
                continue
            node = self._operand(name)
            if operator is None:
                groups.append([[node]])
            elif operator.kind is Kind.OR:
                groups[-1].append([node])
            else:
                groups[-1][-1].append(node)
            operator = None
        if operator is not None:
            self._notes.add(message("{word} has nothing to join after it and was ignored.", word=operator.kind.name))
        return _joined(And, [_joined(Or, [_joined(And, operands) for operands in group]) for group in groups])

    def _operand(self, name: str | None) -> Query | None:
        """Read what is in front (NOT, fields), then a word, phrase or group."""
        negated = False
        field: Token | None = None
        extra: list[Query | None] = []
        while (token := self._peek()) is not None and token.kind in (Kind.NOT, Kind.FIELD):
            self._at += 1
            if token.kind is Kind.NOT:
                negated = not negated
                continue
            if field is not None:  # “headline: topic: x”: the first has nothing to apply to
                extra.append(self._word(field.text, name))
            field = token
        if token is None or token.kind not in (Kind.WORD, Kind.PHRASE, Kind.OPEN):
            if field is not None:
                if self._clauses_left >= 0:
                    self._note_field_without_value(field)
                extra.append(self._word(field.text, name))
            elif negated:
                self._notes.add(message("NOT or “-” has nothing to exclude and was ignored."))
        else:
            inner = name
            if field is not None:
                inner = self._resolve_field(field, token, name, extra)
            if self._clauses_left >= 0:
                extra.append(self._primary(inner))
        node = _joined(And, extra)
        return Not(node) if negated and node is not None else node

    def _resolve_field(self, field: Token, value: Token, outer: str | None, extra: list[Query | None]) -> str | None:
        """Return the field in force for ``value``; the name of an unknown field becomes a word in ``extra``."""
        name = field.text.lower()
        shown = quoted(value.text) if value.text else message("the group")
        if name in FIELD_NAMES or name in DATE_NAMES:
            if field.detached and name in DATE_NAMES and self._read_dates(name, value.text, quietly=True) is None:
                extra.append(self._word(field.text, outer))  # “before: the storm”
                return outer
            if field.detached:
                self._notes.add(
                    message(
                        "“{field}:” was applied to {shown}; put them in quotes to search for the words.",
                        field=field.text,
                        shown=shown,
                    )
                )
            return name
        self._note_unknown_field(field.text, shown)
        extra.append(self._word(field.text, outer))
        return outer

    def _note_unknown_field(self, name: str, shown: str) -> None:
        if name.lower() in self._unknown_names:
            return
        self._unknown_names.add(name.lower())
        near = get_close_matches(name.lower(), [*FIELD_NAMES, *DATE_NAMES], n=1, cutoff=0.75)
        hint = message("Did you mean {field}:? ", field=near[0]) if near else ""
        self._notes.add(
            message(
                "There is no field “{field}:”, so {word} and {shown} were searched for as words. "
                "{hint}Fields are {fields}.",
                field=name,
                word=quoted(name),
                shown=shown,
                hint=hint,
                fields=KNOWN_NAMES,
            )
        )

    def _note_field_without_value(self, field: Token) -> None:
        if field.text.lower() in FIELD_NAMES or field.text.lower() in DATE_NAMES:
            self._notes.add(
                message("“{field}:” has nothing behind it and was searched for as a word.", field=field.text)
            )

    def _primary(self, name: str | None) -> Query | None:
        token = self._tokens[self._at]
        self._at += 1
        if token.kind is not Kind.OPEN:
            return self._leaf(token, name)
        empty = self._peek_kind() is Kind.CLOSE
        node = self._sequence(name)
        closing = self._peek()  # None only where the rest was left out, since parentheses are balanced
        self._at += 1
        if empty:
            self._notes.add(message("Empty parentheses were ignored."))
        boost, edits = self._read_tail(closing.tail if closing else "", message("the parentheses"))
        if edits is not None:
            self._notes.add(message("“~” behind parentheses was ignored; it goes behind a word or a phrase."))
        return Boost(node, boost) if node is not None and boost is not None else node

    def _peek_kind(self) -> Kind | None:
        token = self._peek()
        return token.kind if token else None

    def _take_clause(self, kind: Kind = Kind.WORD) -> bool:
        """Count a word, phrase, pattern or date; tell whether it still fits. If not, this is the end of the query.

        A phrase counts as several words: looking where its words stand takes longer than looking for them.
        """
        self._clauses_left -= _PHRASE_CLAUSES if kind is Kind.PHRASE else 1
        if self._clauses_left < 0:
            self._at = len(self._tokens)
            self._notes.add(
                message(
                    "The query has more than {count} words, phrases and patterns; the rest was left out.",
                    count=self._max_clauses,
                )
            )
        return self._clauses_left >= 0

    def _word(self, text: str, name: str | None) -> Query | None:
        return self._leaf(Token(Kind.WORD, text), name)

    def _leaf(self, token: Token, name: str | None) -> Query | None:
        if name in DATE_NAMES:
            return self._date_leaf(token, name)
        if token.kind is Kind.WORD and token.text == "*:*" and not token.tail:
            return MATCH_ALL
        if not has_substance(token.text):
            self._note_nothing(token, name)
            return None
        if not self._take_clause(token.kind):
            return None
        field = FIELD_NAMES[name] if name is not None else None
        boost, number = self._read_tail(token.tail, quoted(token.text))
        leaf = self._phrase(token, number, field) if token.kind is Kind.PHRASE else self._plain(token, number, field)
        if isinstance(leaf, Prefix | Wildcard | Fuzzy) and not self._take_pattern():
            return None
        return Boost(leaf, boost) if leaf is not None and boost is not None else leaf

    def _take_pattern(self) -> bool:
        """Count a pattern, which costs as much as many words; tell whether it still fits."""
        self._patterns_left -= 1
        if self._patterns_left < 0:
            self._notes.add(
                message(
                    "The query has more than {count} words with “*”, “?” or “~”; the others of these were left out.",
                    count=self._max_patterns,
                )
            )
        return self._patterns_left >= 0

    def _note_nothing(self, token: Token, name: str | None) -> None:
        """Name a token without letter or digit, unless it is punctuation on its own, which nobody misses."""
        text = token.text.strip()
        if token.kind is Kind.PHRASE and not text:
            self._notes.add(message("Empty quotation marks were ignored."))
        elif token.kind is Kind.PHRASE or token.tail or name or not _PUNCTUATION.fullmatch(text):
            self._notes.add(
                message("{shown} was ignored: it has no letter or digit.", shown=quoted(token.text + token.tail))
            )

    def _phrase(self, token: Token, slop: str | None, field: str | None) -> Query | None:
        leaf = clean_leaf(Phrase(token.text, field=field))
        if slop is None or not isinstance(leaf, Phrase):
            return leaf
        if not slop.isdigit() or " " not in leaf.text:
            self._notes.add(
                message(
                    "{sign} behind {shown} was ignored; “~” behind a phrase of several words "
                    "takes a whole number: how many others may stand between them.",
                    sign=quoted("~" + slop),
                    shown=quoted(leaf.text),
                )
            )
            return leaf
        words = _whole_number(slop)
        if words > MAX_SLOP:
            self._notes.add(
                message(
                    "No more than {count} words can stand between those of a phrase; {count} was used.", count=MAX_SLOP
                )
            )
        return Phrase(leaf.text, min(words, MAX_SLOP), field)

    def _plain(self, token: Token, distance: str | None, field: str | None) -> Query | None:
        text, pattern = _unescape(token.text)
        if pattern:
            leaf = clean_leaf(Wildcard(text, field))
            if distance is not None:
                self._notes.add(
                    message(
                        "“~” behind the pattern {shown} was ignored; it goes behind a plain word.",
                        shown=quoted(token.text),
                    )
                )
            if isinstance(leaf, Word) and "?" not in leaf.text and self._at < len(self._tokens):
                self._notes.add(
                    message("The question mark behind {shown} was read as punctuation.", shown=quoted(leaf.text))
                )
            return leaf
        leaf = clean_leaf(Word(text, field))
        return leaf if distance is None or leaf is None else self._fuzzy(leaf, distance)

    def _fuzzy(self, word: TextLeaf, distance: str) -> Query | None:
        if not isinstance(word, Word) or distance == "0":
            return word
        fuzzy = clean_leaf(Fuzzy(word.text, 2 if distance and _edits(distance) >= 2 else 1, word.field))
        if not isinstance(fuzzy, Fuzzy):
            short = len(word.text) < MIN_FUZZY_CHARS
            why = message("words under {count} letters", count=MIN_FUZZY_CHARS) if short else message("digits")
            self._notes.add(
                message(
                    "{shown} was searched for as written: {why} are never matched loosely.",
                    shown=quoted(word.text),
                    why=why,
                )
            )
        elif distance not in ("", "1", "2"):
            self._notes.add(
                message(
                    "{shown} was read as {used}; “~” takes 1 or 2.",
                    shown=quoted(f"{word.text}~{distance}"),
                    used=quoted(f"{word.text}~{fuzzy.distance}"),
                )
            )
        return fuzzy

    def _read_tail(self, tail: str, shown: str) -> tuple[float | None, str | None]:
        """Return the factor and what stands behind ``~``, None for what is not there."""
        boost: float | None = None
        number: str | None = None
        for sign, value in _TAIL_PART.findall(tail):
            if sign == "~":
                number = value
                continue
            try:
                asked = float(value)
            except ValueError:
                self._notes.add(
                    message(
                        "{sign} behind {shown} was ignored; “^” takes a number, as in word^2.",
                        sign=quoted("^" + value),
                        shown=shown,
                    )
                )
                continue
            boost = min(max(asked, MIN_BOOST), MAX_BOOST)
            if boost != asked:
                self._notes.add(
                    message(
                        "{shown} was read as ^{used:g}; “^” takes {least:g} to {most:g}.",
                        shown=quoted("^" + value),
                        used=boost,
                        least=MIN_BOOST,
                        most=MAX_BOOST,
                    )
                )
        return boost, number

    def _date_leaf(self, token: Token, name: str) -> Query | None:
        if not self._take_clause(token.kind):
            return None
        if token.tail:
            self._notes.add(
                message(
                    "{shown} behind a date was ignored: a date does not change the order.", shown=quoted(token.tail)
                )
            )
        node = self._read_dates(name, token.text)
        self.has_dates = self.has_dates or node is not None
        return node

    def _read_dates(self, name: str, text: str, quietly: bool = False) -> Query | None:
        """Return the days that ``name:text`` stands for, or None, with a note unless ``quietly``, if unreadable."""
        try:
            days, swapped = read_date_term(name, text, self._today)
        except DateTextError as error:
            if not quietly:
                self._notes.add(message("“{field}:” was ignored: {problem}", field=name, problem=error.told))
            return None
        if swapped:
            self._notes.add(
                message("The two ends of {shown} were swapped, so that the earlier comes first.", shown=quoted(text))
            )
        return days


_PUNCTUATION = re.compile(r"[^\w\s~^+*|=<>$€£¥©®°\\\u2190-\u2bff\U0001f000-\U0001faff-]*")
_TAIL_PART = re.compile(r"([~^])([0-9.]*)")
_ESCAPES = re.compile(r"\\(\W)|([*?])", re.DOTALL)


def _joined(kind: type[And] | type[Or], nodes: list[Query | None]) -> Query | None:
    """Return one node over those that are left; None where none is."""
    if len(nodes) == 1:
        return nodes[0]
    left = tuple(node for node in nodes if node is not None)
    if len(left) < 2:
        return left[0] if left else None
    return kind(left)


def _unescape(raw: str) -> tuple[str, bool]:
    """Return a word with its backslashes resolved, and whether it is a pattern.

    A backslash takes away the meaning of any sign behind it; before a letter it is itself, save in front of the word,
    where it makes ``\\AND`` a word. A star that is meant literally cannot be part of a pattern, and is left out there.
    """
    if raw[:1] == "\\" and raw[1:2].isalnum():
        raw = raw[1:]
    pattern = any(found[2] for found in _ESCAPES.finditer(raw))
    if pattern:
        return _ESCAPES.sub(lambda found: found[2] or found[1].strip("*?"), raw), True
    return _ESCAPES.sub(lambda found: found[1], raw), False


def _whole_number(digits: str) -> int:
    """Return a number of any length, at most a million."""
    return int(digits) if len(digits) <= 6 else 10**6


def _edits(distance: str) -> float:
    try:
        return float(distance)
    except ValueError:
        return 1
