"""What runs in a process of its own, so that its time and memory are nobody else's.

``python -m benchmarks.child build NAME ARCHIVE FOLDER`` indexes an archive; ``… serve NAME FOLDER QUESTIONS ROUNDS``
answers the questions of a JSON file, lists of words, and tells its memory; ``… ask`` with the same arguments times them
as well. All print one line of JSON.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from pathlib import Path

from .contender import Contender, by_name
from .contenders import all_contenders
from .measure import PAGE, SEARCH, no_collector
from .processes import memory_of, most_resident
from .queries import WORDS, Question


def main(arguments: list[str]) -> None:
    """Do what the arguments say. Raises ValueError for anything else."""
    match arguments:
        case ["build", name, archive, folder]:
            (contender,) = by_name(all_contenders(), [name])
            began = time.perf_counter()
            articles = contender.build(Path(archive), Path(folder))
            took = time.perf_counter() - began
            processor = sum(map(_processor_seconds, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
            told = {"articles": articles, "seconds": took, "processor": processor, "own": most_resident()}
            print(json.dumps(told))
        case ["serve", name, folder, questions, rounds]:
            (contender,) = by_name(all_contenders(), [name])
            contender.open(Path(folder))
            asked = _read_questions(questions)
            for _ in range(int(rounds)):
                for question in asked:
                    contender.page(question)
            print(json.dumps(_memory()))
        case ["ask", name, folder, questions, rounds]:
            (contender,) = by_name(all_contenders(), [name])
            asked = _read_questions(questions)
            began = time.perf_counter()
            contender.open(Path(folder))
            contender.page(asked[0])
            first = time.perf_counter() - began
            print(json.dumps({"first": first, **_time(contender, asked, int(rounds)), **_memory()}))
        case _:
            raise ValueError(f"cannot do {' '.join(arguments)}")


def _read_questions(file: str) -> list[Question]:
    return [Question(WORDS, tuple(words)) for words in json.loads(Path(file).read_text(encoding="utf-8"))]


def _processor_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _memory() -> dict[str, float]:
    memory = memory_of("self")
    return {"resident": memory.resident, "private": memory.private}


def _time(contender: Contender, questions: list[Question], rounds: int) -> dict[str, float]:
    """Return the mean of the questions' medians for each door, in seconds of the clock and of the processor."""
    found: dict[str, float] = {}
    with no_collector():
        for door in (SEARCH, PAGE):
            ask = getattr(contender, door)
            clock: list[float] = []
            processor: list[float] = []
            for question in questions:
                took: list[tuple[float, float]] = []
                for _ in range(rounds):
                    began, used = time.perf_counter(), time.thread_time()
                    ask(question)
                    took.append((time.perf_counter() - began, time.thread_time() - used))
                clock.append(statistics.median(seconds for seconds, _ in took))
                processor.append(statistics.median(seconds for _, seconds in took))
            found |= {door: statistics.fmean(clock), f"{door}_processor": statistics.fmean(processor)}
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
