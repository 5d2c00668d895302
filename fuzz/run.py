"""Fuzz one target by coverage, with Atheris.

    pip install -e '.[fuzz]'
    python fuzz/run.py query --seconds 300

Begins with the target's corpus and leaves it as it is; what it finds on the way goes to ``--work``, a temporary folder
unless named. A broken promise, a crash or an input that takes longer than 10 s ends it with a trace, and the input is
written below ``--work``: put it into the corpus together with what mends it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

CORPUS = Path(__file__).resolve().parent / "corpus"
SLOWEST_SECONDS = 10


def main() -> None:
    """Read the command line and fuzz; leaves by the exit code of libFuzzer."""
    parser = argparse.ArgumentParser(description="Fuzz one target by coverage.")
    parser.add_argument("target", choices=sorted(path.name for path in CORPUS.iterdir()))
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--work", type=Path, help="folder for what is found")
    parser.add_argument("--seed", type=int, default=0, help="0 is another one each time")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("fuzz/run.py: Atheris is not installed: pip install -e '.[fuzz]'. It needs Linux or macOS.")
    with atheris.instrument_imports(include=["search_app"]):
        from fuzz.targets import TARGETS
    work = options.work or Path(tempfile.mkdtemp(prefix="search-app-fuzz-"))
    found = work / options.target
    found.mkdir(parents=True, exist_ok=True)
    flags = [f"-max_total_time={options.seconds}", f"-timeout={SLOWEST_SECONDS}", "-max_len=4096", "-rss_limit_mb=2048"]
    flags += [f"-artifact_prefix={work}/", "-print_final_stats=1", f"-seed={options.seed}"]
    # libFuzzer writes what is new to the first folder only.
    atheris.Setup([sys.argv[0], *flags, str(found), str(CORPUS / options.target)], TARGETS[options.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
