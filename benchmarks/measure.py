"""Timing contenders in turn: A B A B, so that whatever else the machine does hits all of them alike.

In: opened contenders and questions. Out: seconds, and whether the answers agree.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .contender import Answer, Contender, agree
from .queries import SAME_MEANING, Question

SEARCH, PAGE = "search", "page"


class DisagreementError(Exception):
    """Two contenders with the same analysis answer a question differently: a figure would compare unlike things."""


@dataclass(slots=True)
class Timed:
    """The seconds of one contender: a list of rounds for each question it answered, by the question's number."""

    seconds: dict[int, list[float]] = field(default_factory=dict)

    def medians(self) -> dict[int, float]:
        """Return the median of each question."""
        return {number: statistics.median(rounds) for number, rounds in self.seconds.items()}

    @property
    def mean(self) -> float:
        """The mean over the questions of their medians."""
        return statistics.fmean(self.medians().values())

    @property
    def median(self) -> float:
        """The median over the questions of their medians."""
        return statistics.median(self.medians().values())

    @property
    def slowest(self) -> tuple[int, float]:
        """The number of the slowest question, and its median."""
        return max(self.medians().items(), key=lambda item: item[1])


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a contender's answers compare with the first one's: ``same`` of ``asked`` have the same total and counts.

    largest : the largest difference of a total, as a share of the first one's.
    """

    asked: int
    same: int
    largest: float


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep Python's cycle collector from striking one contender with what another left behind, as ``timeit`` does."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def compare(
    contenders: Sequence[Contender], questions: Sequence[Question], *, budget: float = 1e9
) -> dict[str, Agreement]:
    """Ask every contender every question once and compare the answers with the first contender's.

    budget : seconds after which a slow contender is asked no more.
    Raises DisagreementError where a contender of the same analysis differs in a question that means the same to both.
    """
    first, *others = contenders
    expected = [first.search(question) for question in questions]
    found: dict[str, Agreement] = {}
    for contender in others:
        began = time.perf_counter()
        differences: list[float] = []
        same = 0
        for question, wanted in zip(questions, expected, strict=True):
            if question.kind not in SAME_MEANING:
                continue
            if contender.slow and time.perf_counter() - began > budget:
                break
            answer = contender.search(question)
            if answer is None or wanted is None:
                continue
            differences.append(abs(answer.total - wanted.total) / max(wanted.total, 1))
            same += agree(answer, wanted)
            if contender.same_analysis and first.same_analysis and not agree(answer, wanted):
                raise DisagreementError(
                    f"{contender.name} and {first.name} answer “{question.text}” differently: "
                    f"{_shown(answer)} and {_shown(wanted)}"
                )
        found[contender.name] = Agreement(len(differences), same, max(differences, default=0.0))
    return found


def _shown(answer: Answer) -> str:
    return f"{answer.total} hits, {sum(map(len, answer.facets.values()))} values"


def time_rounds(
    contenders: Sequence[Contender],
    questions: Sequence[Question],
    door: str,
    rounds: int,
    *,
    slow_rounds: int = 1,
    slow_budget: float = 1e9,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Timed]:
    """Return the seconds of every contender for every question it knows, asked in turn.

    door : ``SEARCH`` or ``PAGE``. rounds : times that each question is asked; slow contenders ``slow_rounds``, and none
    once they have taken ``slow_budget`` seconds in all.
    Within a round every question goes to every contender before the next one does, and who begins takes turns.
    """
    timed = {contender.name: Timed() for contender in contenders}
    spent = dict.fromkeys(timed, 0.0)
    with no_collector():
        for turn in range(rounds):
            tell(f"{door}, round {turn + 1} of {rounds}")
            asked = [c for c in contenders if not c.slow or turn < slow_rounds]
            for number, question in enumerate(questions):
                shift = (turn + number) % len(asked)
                for contender in asked[shift:] + asked[:shift]:
                    if contender.slow and spent[contender.name] > slow_budget:
                        continue
                    ask: Callable[[Question], Answer | None] = getattr(contender, door)
                    began = time.perf_counter()
                    answer = ask(question)
                    took = time.perf_counter() - began
                    spent[contender.name] += took
                    if answer is not None:
                        timed[contender.name].seconds.setdefault(number, []).append(took)
    return timed
