"""The audit of dependencies: red for a known hole, never for a network that is not there."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / ".ci" / "audit.py"
SPEC = importlib.util.spec_from_file_location("audit", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
audit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)

SOUND = {"name": "quay", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "crane", "skip_reason": "not found"}
OURS = {"name": "search-app", "skip_reason": "not found"}
HOLED = {"name": "pier", "version": "2.0", "vulns": [{"id": "CVE-2031-1", "fix_versions": ["2.1"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "part"),
    [
        pytest.param([OURS, SOUND], 0, "No known holes in 1 packages.", id="sound"),
        pytest.param([SOUND, UNKNOWN], 0, "nothing is known of crane", id="one unknown"),
        pytest.param([SOUND, HOLED], 1, "pier 2.0: CVE-2031-1, mended in 2.1", id="a hole"),
        pytest.param([UNKNOWN, HOLED], 1, "CVE-2031-1", id="a hole beside an unknown one"),
        pytest.param([OURS, UNKNOWN, UNKNOWN], 0, "could not be asked", id="all unknown"),
        pytest.param([], 0, "could not be asked", id="nothing"),
    ],
)
def test_a_report_is_judged(packages: list[dict[str, Any]], code: int, part: str) -> None:
    found, text = audit.judge({"dependencies": packages})
    assert found == code
    assert part in text


def test_without_a_database_it_says_so_and_goes_on(tmp_path: Path) -> None:
    """A Python that has pip-audit as something that fails, as it does without a network."""
    (tmp_path / "pip_audit.py").write_text("raise SystemExit('no network')", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), sys.executable],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert "could not be asked" in done.stdout


def test_a_hole_makes_it_red(tmp_path: Path) -> None:
    report = json.dumps({"dependencies": [HOLED]})
    (tmp_path / "pip_audit.py").write_text(f"print({report!r})", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), sys.executable],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 1
    assert "CVE-2031-1" in done.stdout
