"""The wheel: every module, template and static file is in it, and it renders pages from where it was installed."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from search_app import __version__

REPOSITORY = Path(__file__).resolve().parent.parent


def read_setup() -> configparser.ConfigParser:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return setup


def pip(*arguments: str | Path, **options: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, **options)
    if done.returncode and "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("no package index can be reached to build a wheel with")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheels are built with, fetched once."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("backend")
    pip("install", "--target", folder, *project["build-system"]["requires"])
    return folder


def build_wheel(source: Path, folder: Path, backend: Path) -> Path:
    """Build the wheel of a source tree into a folder."""
    paths = {**os.environ, "PYTHONPATH": str(backend)}
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source, env=paths)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, backend: Path) -> Path:
    """The wheel, built from a copy: building leaves folders behind."""
    copy = tmp_path_factory.mktemp("source")
    for name in subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0"):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((REPOSITORY / name).read_bytes())
    return build_wheel(copy, tmp_path_factory.mktemp("wheel"), backend)


def files_below(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".md")
    }


def test_every_package_is_listed() -> None:
    listed = set(read_setup()["options"]["packages"].split())
    there = {
        ".".join(path.parent.relative_to(REPOSITORY).parts) for path in (REPOSITORY / "search_app").rglob("__init__.py")
    }
    assert listed == there | {"search_app.templates"}


def test_pyproject_only_names_the_build_backend() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project) == {"build-system"}
    assert set(project["build-system"]) == {"requires", "build-backend"}


def test_every_dependency_has_both_bounds() -> None:
    wanted = read_setup()["options"]["install_requires"].strip().splitlines()
    assert wanted
    assert [line for line in wanted if ">=" not in line or ",<" not in line] == []


@pytest.mark.packaging
def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    expected = {f"search_app/{name}" for name in files_below(REPOSITORY / "search_app")}
    expected |= {f"search_app/templates/{name}" for name in files_below(REPOSITORY / "templates")}
    assert held == expected


@pytest.mark.packaging
def test_an_installed_wheel_renders_pages(wheel: Path, tmp_path: Path) -> None:
    # The dependencies are those of this environment: what is tried is where the wheel's own files are found.
    venv.create(tmp_path / "venv")
    python = str(tmp_path / "venv" / "bin" / "python")
    pip("--python", python, "install", "--no-deps", wheel)
    script = (
        "import search_app.web.app as web\n"
        "assert 'site-packages' in web.__file__, web.__file__\n"
        "client = web.create_app({'index': 'nowhere'}).test_client()\n"
        "answer = client.get('/search?q=harbour')\n"
        "assert answer.status_code == 503, answer.status\n"
        "assert '<title>' in answer.get_data(as_text=True)\n"
        "answer = client.get('/', headers={'Accept-Language': 'zh'})\n"
        "assert '档案正在准备中' in answer.get_data(as_text=True)\n"
        "assert client.get('/static/style.css').status_code == 200\n"
    )
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [python, "-c", "import sys; sys.path += sys.argv[1:]\n" + script, *libraries],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "search-app", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(libraries)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == (f"search-app {__version__}\n", "")


@pytest.mark.packaging
def test_what_the_image_is_made_of_makes_the_same_wheel(wheel: Path, backend: Path, tmp_path: Path) -> None:
    copied = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", (REPOSITORY / "contrib" / "Dockerfile").read_text("utf-8"))
    source = tmp_path / "source"
    source.mkdir()
    for name in " ".join(copied).split():
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / name, source / name)
    made = build_wheel(source, tmp_path, backend)
    with zipfile.ZipFile(made) as image, zipfile.ZipFile(wheel) as checkout:
        assert set(image.namelist()) == set(checkout.namelist())
