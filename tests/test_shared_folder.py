"""The folder that serving processes share: there while they run, gone afterwards, whoever ends how."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search_app.errors import ServeError
from search_app.shared_folder import LOCK_NAME, NAME, shared_folder

REPOSITORY = Path(__file__).resolve().parent.parent
HOLDER = """
import sys, time
from pathlib import Path
from search_app.shared_folder import shared_folder
with shared_folder(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(parent)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_is_there_and_then_gone(tmp_path: Path) -> None:
    with shared_folder(tmp_path) as folder:
        (folder / "counts").write_bytes(b"1")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_it_goes_when_something_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), shared_folder(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_leaves_does_not_take_it_along(tmp_path: Path) -> None:
    with shared_folder(tmp_path) as folder:
        script = f"""
import os, sys
from pathlib import Path
from search_app.shared_folder import shared_folder
with shared_folder(Path({str(tmp_path)!r})) as made:
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    sys.exit(0 if made.is_dir() else 1)
"""
        done = subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, timeout=30
        )
        assert done.returncode == 0
        assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_server_left_is_removed_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    killed, left = holder(tmp_path)
    living, used = holder(tmp_path)
    try:
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert left.is_dir()
        with shared_folder(tmp_path) as folder:
            assert set(tmp_path.iterdir()) == {used, folder}
    finally:
        living.kill()
        living.communicate()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / LOCK_NAME).touch()
    (tmp_path / f"{NAME}linked").symlink_to(treasure)
    without_lock = tmp_path / f"{NAME}strange"
    without_lock.mkdir()
    with shared_folder(tmp_path):
        pass
    assert (treasure / LOCK_NAME).exists()
    assert without_lock.is_dir()


def test_no_folder_to_be_had_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"folder for temporary files.*TMPDIR"), shared_folder(tmp_path / "none"):
        pass
