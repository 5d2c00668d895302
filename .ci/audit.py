"""Look for known holes in what a default installation brings.

    python .ci/audit.py PYTHON      # the Python of the installation to look at

Asks the database of vulnerabilities through pip-audit. Exit code 1: something has a known hole. Where the database
cannot be reached, or knows nothing of any package, a sentence says so, and the exit code is 0: no fault of the project.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

PATIENCE_SECONDS = 180


def judge(report: dict[str, Any]) -> tuple[int, str]:
    """Return exit code and what to say about a report of pip-audit."""
    packages = [package for package in report["dependencies"] if package["name"] != "search-app"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none'}"
        for package in packages
        for hole in package.get("vulns", ())
    ]
    if holes:
        return 1, "Known holes:\n" + "\n".join(holes)
    if len(unknown) == len(packages):
        return 0, "The database of known holes could not be asked: nothing was audited."
    left = f"; nothing is known of {', '.join(unknown)}" if unknown else ""
    return 0, f"No known holes in {len(packages) - len(unknown)} packages{left}."


def main() -> int:
    """Audit the installation that the command line names."""
    freeze = [sys.argv[1], "-m", "pip", "freeze", "--exclude", "search-app"]
    listed = subprocess.run(freeze, capture_output=True, text=True, check=True)  # noqa: S603
    command = [sys.executable, "-m", "pip_audit", "--requirement", "/dev/stdin", "--no-deps", "--disable-pip"]
    try:
        done = subprocess.run(  # noqa: S603 - a command of ours
            [*command, "--format", "json", "--progress-spinner", "off"],
            input=listed.stdout,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        code, text = judge(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        code, text = 0, "The database of known holes could not be asked: nothing was audited."
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
