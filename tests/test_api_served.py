"""The API as strangers meet it: a real server, asked over HTTP whatever its description allows, and what it does not.

schemathesis makes the requests: the examples of the description, the bounds of every parameter, random ones that keep
to it and random ones that do not, and walks along its links.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, SEED
from program import serving

pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install -e '.[test]'")

EXAMPLES = os.environ.get("API_EXAMPLES", "3")
"""Random requests an address; more find more."""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance,missing_required_header"
)
"""Not held to: that whatever keeps to the schema is taken, since dates are free text; that nothing else is, since empty
values and unknown parameters are ignored."""
OPTIONS = [
    "--phases=examples,coverage,fuzzing,stateful", "--mode=all", f"--checks={CHECKS}", f"--max-examples={EXAMPLES}",
    f"--seed={SEED}", "--workers=2", "--no-color", "--suppress-health-check=all", "--warnings=off",
    "--continue-on-failure",
]  # fmt: skip
PATIENCE_SECONDS = 600


@pytest.mark.slow
def test_nothing_undescribed_is_answered_over_http(index_dir: Path, tmp_path: Path) -> None:
    options = ("--index", index_dir, "--archive", DATA / "archive", "--port", "0", "--workers", "2")
    with serving("serve", *options) as (process, address):
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{address}openapi.json", *OPTIONS],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert process.poll() is None, "the server died"
    said = "\n".join(line[:300] for line in done.stdout.splitlines())
    assert done.returncode == 0, said[-8000:]
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in said, said[-2000:]
