"""The sample archive: invented news of an invented sea, in the archive's real format, for the demo and for trying out.

In: a folder. Out: some 300 articles over three years in it. The same seed gives the same bytes.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from .compose import compose_events, read_editorials
from .render import render_files

__all__ = ["write_sample"]


def write_sample(folder: Path, *, seed: int = 1) -> dict[str, int]:
    """Write the sample archive into ``folder`` and return how many files of each kind it holds.

    folder : made where it is missing. Files of the same names are replaced, others stay.
    seed : another one gives other small news and other flaws; the running stories are the same.
    Returns counts by kind: ``article``, ``superseded``, ``editorial``, ``day``, ``page``.
    Raises OSError where the folder cannot be written. Cost: about 0.2 s.
    """
    rng = random.Random(seed)  # noqa: S311 - a story is no secret
    counts: Counter[str] = Counter()
    for file in render_files(compose_events(rng), read_editorials(), rng):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8", newline="\n")
        counts[file.kind] += 1
    return dict(counts)
