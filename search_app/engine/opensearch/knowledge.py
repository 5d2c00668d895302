"""What an index on a cluster says of words and names: asked for once, and remembered for as long as the index serves.

In: a plan's words, the names of a request, the file of aliases. Out: frequencies, spellings, the words that patterns
are cut to, corrections, completions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock

from ...index.generation import Snapshot
from ...index.suggestions import SUGGESTIONS
from ...settings import Settings
from ..aliases import AliasFile
from ..fielded import TermCounts
from ..plan import Pattern, Plan, Term, Token
from ..relatives import SHARED_LETTERS, belong_together, choose_candidates, words_to_relate
from ..request import SearchRequest
from ..result import Suggestion
from ..spelling import plain_terms
from ..suggest import Suggester
from .candidates import Known, scored_terms
from .cluster import Cluster, Json
from .compile import count_bodies, read_counts, read_relatives, relatives_bodies
from .merging import Merged, Spellings
from .scope import Names, named_values, names_body, read_spelling, resolved
from .tables import fetch_table
from .vocabulary import VOCABULARY, ClusterSpeller, Vocabulary, patterns_of

MAX_REMEMBERED = 20_000
MAX_PATTERNS = 1000
NAMES_AT_ONCE = 250
"""Names that are looked up in one request."""


class Knowledge:
    """What is known of one index, which never changes. Safe to use from any number of threads.

    meta : what its build wrote about it. aliases : the file of names that mean the same, which may change.
    """

    def __init__(self, cluster: Cluster, index: str, meta: Json, settings: Settings, aliases: AliasFile) -> None:
        self._cluster = cluster
        self._index = index
        self._tables = meta["tables"]
        self._most = settings.number("max_expansions")
        self._aliases = aliases
        self._counted: dict[Term, TermCounts] = {}
        self._related: dict[Term, tuple[Term, ...]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._making = Lock()
        self._merging = Lock()
        self._merged: Merged | None = None
        self._suggester: Suggester | None = None
        self._vocabulary: Vocabulary | None = None
        self._speller: ClusterSpeller | None = None
        self._cut: dict[Pattern, tuple[str, ...] | None] = {}

    # -- names --------------------------------------------------------------------------------------------------------

    def resolve(self, request: SearchRequest) -> Names:
        """Return the names in a request as the archive spells them and shows them."""
        merged = self.merged()
        return resolved(request, self._spelled(named_values(request)), merged)

    def merged(self) -> Merged:
        """Return the values that are one. Cost: after a change of the file, a look-up of every name in it."""
        aliases = self._aliases.current()
        with self._merging:
            if self._merged is None or self._merged.aliases is not aliases:
                self._merged = Merged.of(aliases, self._spelled)
            return self._merged

    def _spelled(self, wanted: Sequence[tuple[str, str]]) -> Spellings:
        """Return the archive's spelling of some values of facets; each is looked up once."""
        known = {key: self._names[key] for key in wanted if key in self._names}
        missing = [key for key in dict.fromkeys(wanted) if key not in known]
        for at in range(0, len(missing), NAMES_AT_ONCE):
            some = missing[at : at + NAMES_AT_ONCE]
            answers = self._cluster.searches(self._index, [({}, names_body(*key)) for key in some])
            known |= {key: read_spelling(answer, key[1]) for key, answer in zip(some, answers, strict=True)}
        if len(self._names) > MAX_REMEMBERED:
            self._names = {}
        self._names.update(known)
        return known

    # -- words --------------------------------------------------------------------------------------------------------

    def ask(self, plan: Plan, main: tuple[Json, Json]) -> tuple[Json, Known]:
        """Run a search, and with it whatever scoring has yet to learn about the plan's words.

        Returns its answer, and what is known of the words.
        """
        wanted = scored_terms(plan)
        known = {term: self._counted[term] for term in wanted if term in self._counted}
        asked = [term for term in wanted if term not in known]
        bodies: list[tuple[Json, Json]] = [({}, body) for term in asked for body in count_bodies(term)]
        first, *answers = self._cluster.searches(self._index, [main, *bodies])
        learned = {
            term: read_counts(*pair)
            for term, pair in zip(asked, zip(answers[::2], answers[1::2], strict=True), strict=True)
        }
        if len(self._counted) > MAX_REMEMBERED:
            self._counted = {}
        self._counted.update(learned)
        cut = ((pattern, self.words_of(pattern)) for pattern in patterns_of(plan))
        taken = {pattern: frozenset(words) for pattern, words in cut if words is not None}
        return first, Known(known | learned, taken, {})

    def with_relatives(self, known: Known, loose: Plan, articles: int) -> Known:
        """Return what is known of the words of a question, with the words that belong to them; see ``relatives``.

        loose : the plan of its partial matches. articles : how many the archive has.
        Cost: two searches for each word that is new here, in one request.
        """
        words, remembered = words_to_relate(loose), self._related
        related = {word: remembered[word] for word in words if word in remembered}
        asked: dict[Term, list[str]] = {}
        for word in words:
            if word not in related:
                counts = self._words().stems(word.token.stem[:SHARED_LETTERS], [name for name, _ in word.fields])
                asked[word] = choose_candidates(word.token.stem, counts)
        bodies: list[tuple[Json, Json]] = [
            ({}, body) for word, stems in asked.items() if stems for body in relatives_bodies(word, stems)
        ]
        answers = iter(self._cluster.searches(self._index, bodies) if bodies else ())
        for word, stems in asked.items():
            df, counted = read_relatives(next(answers), next(answers), stems) if stems else (0, [])
            related[word] = tuple(
                Term(Token(stem), word.fields)
                for stem, together, alone in counted
                if belong_together(together, df, alone, articles)
            )
        if len(self._related) > MAX_REMEMBERED:
            self._related = {}
        self._related.update(related)
        return known._replace(related=related)

    def words_of(self, pattern: Pattern) -> tuple[str, ...] | None:
        """Return the words that a pattern is cut to, None where it stands for no more than are allowed."""
        cut = self._cut
        if pattern not in cut:
            if len(cut) > MAX_PATTERNS:
                cut = self._cut = {}
            cut[pattern] = self._words().words_of(pattern, self._most)
        return cut[pattern]

    def _words(self) -> Vocabulary:
        """Return the words of this index; fetched when first asked for."""
        with self._making:
            if self._vocabulary is None:
                self._vocabulary = Vocabulary(fetch_table(self._cluster, self._tables, VOCABULARY))
            return self._vocabulary

    def correct(self, request: SearchRequest, plan: Plan, known: Known) -> str | None:
        """Return the query that was meant, None where every word is known or nothing is near."""
        words = [] if request.as_typed else plain_terms(plan)
        unknown = [term.token.folded for term in words if not known.counts[term].df]
        if not unknown:
            return None
        if self._speller is None:
            self._speller = ClusterSpeller(self._words())
        return self._speller.correct(request.q, plan, unknown)

    # -- completing ---------------------------------------------------------------------------------------------------

    def suggest(
        self, typed: str, limit: int, snapshot: Callable[[], Snapshot], totals: Callable[[list[Json]], list[int]]
    ) -> tuple[Suggestion, ...]:
        """Return completions of typed text, most frequent first; values that are one come as one.

        snapshot : gives one of the index without articles. totals : counts what queries find.
        """
        with self._making:
            if self._suggester is None:
                table = fetch_table(self._cluster, self._tables, SUGGESTIONS)
                self._suggester = Suggester(replace(snapshot(), companions={SUGGESTIONS: table}))
        groups = self._aliases.current().groups
        # A value may come under each of its names.
        found = self._suggester.find(typed, limit + sum(map(len, groups)))
        if not groups:
            return found
        merged = self.merged()
        values = [(own.kind, merged.shown.get(own.kind, {}).get(own.text, "")) for own in found]
        wanted = list(dict.fromkeys(value for value in values if value[1]))
        counts = dict(zip(wanted, totals([merged.query(kind, [name]) for kind, name in wanted]), strict=True))
        shown = (
            Suggestion(name, kind, counts[kind, name]) if name else own
            for own, (kind, name) in zip(found, values, strict=True)
        )
        return tuple(sorted(dict.fromkeys(shown), key=lambda own: -own.count)[:limit])
