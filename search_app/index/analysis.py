"""From text to tokens: the one analysis that indexing, searching and highlighting share.

In: text in NFC. Out: for each token its *stem* (what postings are filed under), its *spelling* (lower case,
accents kept) and its *folded* spelling (accents gone). Words in scripts without spaces become character bigrams. No
word is dropped: stop words are the query's business.

Everything is decided a surface form at a time, so that the index writer can analyse each form once.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import Stemmer
from whoosh.analysis import Token, Tokenizer

# Scripts written without spaces: Thai, Lao, Myanmar, Khmer, Tai Le to New Tai Lue, kana, Han (with both extensions in
# use), compatibility ideographs, half-width katakana. Hangul has spaces and is left to the word rule.
_DENSE = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# Marks that belong to the word they stand in, though Python does not count them as letters.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0dff\u200c\u200d"
_APOSTROPHES = "'\u2018\u2019\u02bc\u02b9\u0060\u00b4\uff07"

# After a word: an apostrophe and more of it (don't), digits after a separator (1,000.5), a letter of an acronym (U.S.).
# One alternative at the front and look-behinds here cost a third less than alternatives for each kind of word.
_NUMBER_MORE = r"(?<=\d)[.,]\d+(?![^\W_])"
_ACRONYM_MORE = r"(?<=\b[^\W\d_])\.[^\W\d_](?![^\W_])"
_PLAIN = re.compile(rf"[^\W_]+(?:[{_APOSTROPHES}][^\W_]+|{_NUMBER_MORE}|{_ACRONYM_MORE})*")
_WORD = rf"(?:(?![{_DENSE}])[^\W_]|[{_MARKS}])"
_MIXED = re.compile(rf"[{_DENSE}]+|{_WORD}+(?:[{_APOSTROPHES}]{_WORD}+|{_NUMBER_MORE}|{_ACRONYM_MORE})*")
_NEEDS_MIXED = re.compile(rf"[{_DENSE}{_MARKS}]")
_DENSE_RUN = re.compile(rf"[{_DENSE}]+\Z")
_FOLDABLE_MARK = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]+")
JOINS = frozenset(_APOSTROPHES + ".,")
"""Characters that join two parts to one word where letters or digits stand on both sides."""
_APOSTROPHE_MAP = dict.fromkeys(map(ord, _APOSTROPHES), "'")
# Letters that Unicode does not decompose, yet people type without the stroke.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ŧ": "t"}
)
_ZERO_WIDTH = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD))

VALUE_GAP = 128
"""Positions left free between two values of one field: more than the largest slop, so that no phrase spans two."""
LONGEST_WORD = 120
"""Characters of a word that count; what is longer is no word that anybody types."""
STEMMER = f"PyStemmer {Stemmer.version()}"
"""What makes the stems; another version of it may make others."""
SEPARATOR = "\x1f"
"""Stands between the values of a field where they are handed over as one text."""

STOP_WORDS = frozenset(
    "a an and are as at be been but by for from had has have he her his if in into is it its no not of on or s she so"
    " such t than that the their then there these they this to was we were what when where which who will with would"
    " you".split()
)
"""Words too common to require beside others. They are indexed all the same."""


class Analysed(NamedTuple):
    """One token of a surface form: ``stem``, ``folded`` (no accents) and ``spelled`` (as typed, in lower case)."""

    stem: str
    folded: str
    spelled: str


def find_surfaces(text: str) -> list[str]:
    """Return the surface forms of a text in NFC, in order: words, numbers, and runs of a script without spaces.

    Cost: one pass of one regular expression.
    """
    return (_MIXED if needs_mixed(text) else _PLAIN).findall(text)


def iter_surfaces(text: str) -> Iterator[re.Match[str]]:
    """Yield the surface forms of a text as matches, for those who need to know where they stand."""
    return (_MIXED if needs_mixed(text) else _PLAIN).finditer(text)


def needs_mixed(text: str) -> bool:
    """Return whether a text has scripts without spaces, or marks that belong to words though they are no letters."""
    return not text.isascii() and _NEEDS_MIXED.search(text) is not None


def surface_at(text: str, start: int) -> re.Match[str]:
    """Return the surface form that begins at a place of a text that does not need the mixed rule.

    Raises ValueError where there is neither letter nor digit.
    """
    match = _PLAIN.match(text, start)
    if match is None:
        raise ValueError(f"no word begins at {start} of {text!r}")
    return match


def is_dense(surface: str) -> bool:
    """Return whether a surface form is a run of a script without spaces, which becomes bigrams."""
    return _DENSE_RUN.match(surface) is not None


def fold(text: str) -> str:
    """Return text without accents, in lower case: what makes *café* and *CAFE* equal.

    Also undoes compatibility forms (ligatures, full width), brings the apostrophes to one, drops invisible characters.
    """
    if text.isascii():
        return text.lower().replace("`", "'")
    return _strip_accents(_spell(text))


def _spell(surface: str) -> str:
    """Return the form of a word that keeps its accents but nothing else that typing varies."""
    surface = surface if len(surface) <= LONGEST_WORD else surface[:LONGEST_WORD]
    if surface.isascii():
        word = surface.lower().replace("`", "'")
    else:
        # Apostrophes before, since NFKC makes a space and a mark of the acute accent that some type for one; and after,
        # since it makes one of the letter ŉ.
        word = unicodedata.normalize("NFKC", surface.translate(_APOSTROPHE_MAP)).translate(_ZERO_WIDTH).casefold()
        word = unicodedata.normalize("NFC", word).translate(_APOSTROPHE_MAP)
    if "." in word or "," in word:
        if word[0].isdigit():
            word = word.replace(",", "")
        else:
            word = word.replace(".", "")
    return word


def fold_surface(surface: str) -> str:
    """Return the folded form of a surface form that is no run of a script without spaces; it may be empty."""
    spelled = _spell(surface)
    return spelled if spelled.isascii() else _strip_accents(spelled)


def _strip_accents(word: str) -> str:
    decomposed = _FOLDABLE_MARK.sub("", unicodedata.normalize("NFKD", word))
    return unicodedata.normalize("NFC", decomposed).translate(_LETTERS)


class _Stemmers(threading.local):
    """Stemmers, each of which only one thread may use."""

    def __init__(self) -> None:
        # Without its memory of words: those who ask for the same ones again remember all that belongs to them.
        self.english = Stemmer.Stemmer("english", 0)


_stemmers = _Stemmers()


def stem(folded: str) -> str:
    """Return the stem of a folded word: Snowball English for Latin letters, the word itself for any other script.

    Cost: about 1 µs.
    """
    if not folded.isascii() or not folded[-1:].isalpha():
        return folded
    return str(_stemmers.english.stemWord(folded))


def analyse_surface(surface: str, *, query: bool = False) -> tuple[Analysed, ...]:
    """Return the tokens of one surface form.

    A run of *n* characters without spaces gives *n* tokens when indexed: its bigrams, and its last character alone, so
    that each character begins one token. As a query it gives only the bigrams (a run of one: that character).
    Cost: about 2 µs for a word; ``analyse_again`` remembers.
    """
    if is_dense(surface):
        run = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", surface).casefold())
        tokens = [run[i : i + 2] for i in range(len(run))]
        if query and len(run) > 1:
            tokens.pop()
        return tuple(Analysed(token, token, token) for token in tokens)
    spelled = _spell(surface)
    folded = spelled if spelled.isascii() else _strip_accents(spelled)
    if not folded:
        return ()
    return (Analysed(stem(folded), folded, spelled),)


def analyse(text: str, *, query: bool = False) -> list[Analysed]:
    """Return the tokens of a text, in order.

    query : as in ``analyse_surface``, for the last surface form alone: one that others follow ends in articles where it
    ends here.
    """
    *before, last = find_surfaces(unicodedata.normalize("NFC", text)) or [""]
    tokens = [token for surface in before for token in analyse_again(surface)]
    return [*tokens, *analyse_again(last, query)]


@lru_cache(maxsize=8192)
def analyse_again(surface: str, query: bool = False) -> tuple[Analysed, ...]:
    """Return the tokens of a surface form that has probably been asked for before; see ``analyse_surface``.

    8,192 words make up nine tenths of what is shown, and most of what is typed.
    """
    return analyse_surface(surface, query=query)


class NewsTokenizer(Tokenizer):  # type: ignore[misc]
    """The analysis as a Whoosh tokenizer, so that any Whoosh index, writer or parser can use it.

    exact : yield folded spellings in place of stems.
    Positions grow by one a token and by ``VALUE_GAP`` at each ``SEPARATOR``.
    """

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NewsTokenizer) and other.exact == self.exact

    def __hash__(self) -> int:
        return hash((NewsTokenizer, self.exact))

    def __call__(
        self,
        value: str,
        positions: bool = False,
        chars: bool = False,
        keeporiginal: bool = False,
        removestops: bool = True,
        start_pos: int = 0,
        start_char: int = 0,
        tokenize: bool = True,
        mode: str = "",
        **kwargs: Any,
    ) -> Iterator[Token]:
        """Yield one reused ``whoosh.analysis.Token`` a token, as Whoosh's own tokenizers do."""
        token = Token(positions, chars, removestops=removestops, mode=mode, **kwargs)
        position = start_pos
        offset = start_char
        for n, part in enumerate(value.split(SEPARATOR)):
            if n:
                position += VALUE_GAP
            for match in iter_surfaces(part):
                for analysed in analyse_surface(match.group(), query=mode == "query"):
                    token.text = analysed.folded if self.exact else analysed.stem
                    token.boost = 1.0
                    token.stopped = False
                    if keeporiginal:
                        token.original = match.group()
                    if positions:
                        token.pos = position
                    if chars:
                        token.startchar = offset + match.start()
                        token.endchar = offset + match.end()
                    position += 1
                    yield token
            offset += len(part) + 1
