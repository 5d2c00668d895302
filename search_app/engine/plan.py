"""From the query tree to a plan: words analysed, patterns kept as patterns, fields spelled out with their weights.

In: a tree of ``query`` nodes. Out: a tree of plan nodes for ``evaluate`` and ``highlight``, and warnings about what was
left out. Looks nothing up in an index: the same plan serves every segment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from ..index.analysis import STOP_WORDS, Analysed, analyse, fold, is_dense
from ..messages import message
from . import query as q
from .scoring import FIELD_WEIGHTS

Weights = tuple[tuple[str, float], ...]
EQUAL_WORTH = 0.9
"""What another name is worth beside the one that was typed, which comes first of equals."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token to be found: its stem, and where only one spelling will do, that spelling, folded (``exact``).

    folded, spelled : as it was typed, without and with accents; what stands so in an article ranks higher.
    """

    stem: str
    exact: str | None = None
    folded: str = ""
    spelled: str = ""

    def __hash__(self) -> int:
        # Tokens are looked up some thirty times a search; strings remember their own hash.
        return hash(self.spelled or self.stem)

    @classmethod
    def of(cls, token: Analysed, *, exact: bool) -> Token:
        """Make a token of what analysis made of typed text."""
        return cls(token.stem, token.folded if exact else None, token.folded, token.spelled)


@dataclass(frozen=True, slots=True)
class Term:
    """Documents with a token in any of ``fields``."""

    token: Token
    fields: Weights

    def __hash__(self) -> int:
        return hash(self.token.spelled or self.token.stem)

    @property
    def in_any_form(self) -> Term:
        """The same, however it was typed."""
        return Term(Token(self.token.stem), self.fields)


@dataclass(frozen=True, slots=True)
class Near:
    """Documents with tokens in order in one of ``fields``, with at most ``slop`` others between them altogether."""

    tokens: tuple[Token, ...]
    slop: int
    fields: Weights


@dataclass(frozen=True, slots=True)
class Pattern:
    """Documents with a word of a shape. ``kind`` is ``prefix``, ``wildcard`` or ``fuzzy``; ``text`` is folded."""

    kind: str
    text: str
    distance: int
    fields: Weights


@dataclass(frozen=True, slots=True)
class Days:
    """Documents of these days, both included; None leaves an end open."""

    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class All:
    """Every document."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No document."""


@dataclass(frozen=True, slots=True)
class Every:
    """Documents that all children match. ``spare`` tells how many common words were left out beside them."""

    children: tuple[Plan, ...]
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Any:
    """Documents that at least one child matches."""

    children: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class Alike(Any):
    """Documents that match what was typed, the first child, or another name of it, the other children."""

    @property
    def typed(self) -> Plan:
        """The plan of what was typed."""
        return self.children[0]


@dataclass(frozen=True, slots=True)
class Related(Any):
    """Documents that hold a word, the first child, or one that belongs to it, the other children.

    These stand in for it, each at a share of what it is worth itself; see ``relatives``.
    """

    @property
    def terms(self) -> list[Term]:
        """The word that was typed, and those that belong to it."""
        return [child for child in self.children if isinstance(child, Term)]


@dataclass(frozen=True, slots=True)
class Without:
    """Documents that the child does not match."""

    child: Plan


@dataclass(frozen=True, slots=True)
class Scaled:
    """The child's documents, its score multiplied."""

    child: Plan
    factor: float


Scorable = Term | Near | Pattern
Plan = Term | Near | Pattern | Days | All | Nothing | Every | Any | Without | Scaled


def make_plan(tree: q.Query) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan of a tree, and a sentence for each thing that was left out of it.

    A stop word is left out where another word stands beside it, unless it is written in capitals (WHO, IT) or is all
    there is. A leaf without a single letter or digit is left out.
    """
    warnings: list[str] = []
    plan = _plan(tree, warnings)
    return (All() if plan is None else plan), tuple(dict.fromkeys(warnings))


def weigh_repeats(plan: Plan, text: str) -> Plan:
    """Return the plan of a text in which a plain word counts as often as it was typed.

    Whoever asks in whole sentences says again what matters; a tree holds each word once.
    """
    if not isinstance(plan, Every) or _is_each_once(text):
        return plan
    times = Counter(token.spelled for token in analyse(text, query=True))
    children = tuple(dict.fromkeys(plan.children))
    return Every(tuple(_repeated(child, times) for child in children), plan.spare)


def _is_each_once(text: str) -> bool:
    """Tell whether it is plain to see that no word is typed twice; False for any text but plain words."""
    words = text.lower().split(" ")
    return text.isascii() and "".join(words).isalpha() and len(set(words)) == len(words)


def _repeated(plan: Plan, times: Counter[str]) -> Plan:
    term = plan.typed if isinstance(plan, Alike) else plan
    if not isinstance(term, Term) or term.token.exact is not None or len(term.fields) < 2:
        return plan
    typed = times[term.token.spelled]
    return Scaled(plan, float(typed)) if typed > 1 else plan


def _fields(name: str | None) -> Weights:
    return FIELD_WEIGHTS if name is None else ((name, 1.0),)


def _plan(node: q.Query, warnings: list[str]) -> Plan | None:
    """Return the plan of a node, None where nothing is left of it."""
    match node:
        case q.MatchAll():
            return All()
        case q.MatchNone():
            return Nothing()
        case q.Dates(first, last):
            return Days(first, last)
        case q.Word(text, name):
            return _words(text, False, 0, name, warnings)
        case q.Phrase(text, slop, name):
            return _words(text, True, slop, name, warnings)
        case q.Prefix(text, name):
            return _prefix(text, name, warnings)
        case q.Wildcard(pattern, name):
            return Pattern("wildcard", fold(pattern), 0, _fields(name))
        case q.Fuzzy(text, distance, name):
            return _fuzzy(text, distance, name, warnings)
        case q.And(children):
            return _group(children, Every, warnings)
        case q.Or(children):
            return _group(children, Any, warnings)
        case q.Not(child):
            inner = _plan(child, warnings)
            return None if inner is None else Without(inner)
        case q.Boost(child, factor):
            inner = _plan(child, warnings)
            return None if inner is None else Scaled(inner, factor)
        case q.Alike(typed, others):
            return _alike(typed, others, warnings)


def _alike(typed: q.Query, others: tuple[q.TextLeaf, ...], warnings: list[str]) -> Plan | None:
    """Return the plan of a name and its equals: each worth no more than a name of as many words as were typed."""
    own = _plan(typed, warnings)
    plans = [plan for plan in (_plan(other, warnings) for other in others) if plan is not None]
    if own is None or not plans:
        return own
    words = len(_tokens(own))
    shares = [EQUAL_WORTH * min(1.0, words / len(_tokens(plan))) for plan in plans]
    return Alike((own, *map(Scaled, plans, shares)))


def _tokens(plan: Plan) -> list[Token]:
    tokens: list[Token] = []
    for leaf in scorable_leaves(plan):
        tokens += leaf.tokens if isinstance(leaf, Near) else (leaf.token,) if isinstance(leaf, Term) else ()
    return tokens or [Token("")]


def _group(children: tuple[q.Query, ...], kind: type[Every] | type[Any], warnings: list[str]) -> Plan | None:
    kept = children
    spare: list[q.Query] = []
    if kind is Every:
        spare = [child for child in children if _is_stop_word(child)]
        if spare and any(child not in spare and q.wanted_leaves(child) for child in children):
            kept = tuple(child for child in children if child not in spare)
            for child in dict.fromkeys(spare):
                word = child.text if isinstance(child, q.Word) else ""
                warnings.append(
                    message("“{word}” is too common to look for beside other words; in quotes it counts.", word=word)
                )
    plans = tuple(plan for plan in (_plan(child, warnings) for child in kept) if plan is not None)
    left_out = len(children) - len(kept)
    if not plans:
        return None
    if kind is Every:
        return plans[0] if len(plans) == 1 and not left_out else Every(plans, left_out)
    return plans[0] if len(plans) == 1 else Any(plans)


def _is_stop_word(node: q.Query) -> bool:
    if not isinstance(node, q.Word) or (len(node.text) > 1 and node.text.isupper()):
        return False
    return node.text.lower() in STOP_WORDS


def _words(text: str, exact: bool, slop: int, name: str | None, warnings: list[str]) -> Plan | None:
    tokens = analyse(text, query=True)
    if not tokens:
        warnings.append(message("“{text}” holds no letter or digit and was left out.", text=text))
        return None
    if len(tokens) == 1 and len(text.strip()) == 1 and is_dense(text.strip()):
        # One character of a script without spaces: every one of them begins a token, so a prefix finds it anywhere.
        return Pattern("prefix", tokens[0].folded, 0, _fields(name))
    wanted = tuple(Token.of(token, exact=exact) for token in tokens)
    if len(wanted) == 1:
        return Term(wanted[0], _fields(name))
    if len(wanted[-1].stem) == 1 and is_dense(wanted[-1].stem):
        # The same after other words: in an article more characters may follow it.
        return _before(wanted[:-1], slop, Pattern("prefix", wanted[-1].folded, 0, _fields(name)))
    return Near(wanted, slop, _fields(name))


def _before(tokens: tuple[Token, ...], slop: int, pattern: Pattern) -> Plan:
    """Return the plan of whole words with a pattern behind them, which stands somewhere in the same article."""
    lead: Plan = Near(tokens, slop, pattern.fields) if len(tokens) > 1 else Term(tokens[0], pattern.fields)
    return Every((lead, pattern))


def _prefix(text: str, name: str | None, warnings: list[str]) -> Plan | None:
    tokens = analyse(text, query=True)
    if not tokens:
        warnings.append(message("“{text}” holds no letter or digit and was left out.", text=f"{text}*"))
        return None
    if len(tokens) == 1:
        return Pattern("prefix", tokens[0].folded, 0, _fields(name))
    # A pattern stands for one word; before it, the text holds whole words that must stand there too.
    whole = tuple(Token.of(token, exact=True) for token in tokens[:-1])
    return _before(whole, 0, Pattern("prefix", tokens[-1].folded, 0, _fields(name)))


def _fuzzy(text: str, distance: int, name: str | None, warnings: list[str]) -> Plan | None:
    tokens = analyse(text, query=True)
    if len(tokens) != 1 or is_dense(text):
        return _words(text, False, 0, name, warnings)
    return Pattern("fuzzy", tokens[0].folded, distance, _fields(name))


def scorable_leaves(plan: Plan) -> list[Scorable]:
    """Return the leaves that a hit may hold, excluded ones left out, from left to right."""
    match plan:
        case Term() | Near() | Pattern():
            return [plan]
        case Every(children) | Any(children):
            return [leaf for child in children for leaf in scorable_leaves(child)]
        case Scaled(child, _):
            return scorable_leaves(child)
    return []
