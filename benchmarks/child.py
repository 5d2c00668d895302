"""What runs in a process of its own, so that its time and memory are nobody else's.

``python -m benchmarks.child build NAME ARCHIVE FOLDER`` indexes an archive; ``… serve NAME FOLDER QUESTIONS ROUNDS``
answers the questions of a JSON file, lists of words, and measures itself. Both print one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from .contender import by_name
from .contenders import all_contenders
from .processes import memory_of
from .queries import WORDS, Question


def main(arguments: list[str]) -> None:
    """Do what the arguments say. Raises ValueError for anything else."""
    match arguments:
        case ["build", name, archive, folder]:
            (contender,) = by_name(all_contenders(), [name])
            began = time.perf_counter()
            articles = contender.build(Path(archive), Path(folder))
            took = time.perf_counter() - began
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            print(json.dumps({"articles": articles, "seconds": took, "own": own}))
        case ["serve", name, folder, questions, rounds]:
            (contender,) = by_name(all_contenders(), [name])
            contender.open(Path(folder))
            asked = [Question(WORDS, tuple(words)) for words in json.loads(Path(questions).read_text(encoding="utf-8"))]
            for _ in range(int(rounds)):
                for question in asked:
                    contender.page(question)
            memory = memory_of("self")
            print(json.dumps({"resident": memory.resident, "private": memory.private}))
        case _:
            raise ValueError(f"cannot do {' '.join(arguments)}")


if __name__ == "__main__":
    main(sys.argv[1:])
