"""The pieces for operators: cron, systemd, nginx and the container do what they say, tried with the real programs."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from program import PATIENCE_SECONDS, environment, serving, started, wait_until

from search_app.index.generation import open_snapshot
from search_app.settings import BY_NAME, PREFIX

REPOSITORY = Path(__file__).resolve().parent.parent
CONTRIB = REPOSITORY / "contrib"
PROGRAM = "/opt/search-app/bin/search-app"
ARCHIVE = "/srv/archive"
INDEX = "/var/lib/search-app/index"
UNITS = ("search-app.service", "search-app-index.service", "search-app-index.timer")


def program_here(text: str, archive: Path, index: Path) -> str:
    """A command of the pieces, with the program, the archive and the index of the test."""
    here = f"{shlex.quote(sys.executable)} -m search_app"
    return text.replace(PROGRAM, here).replace(INDEX, str(index)).replace(ARCHIVE, str(archive))


def ask(url: str, **headers: str) -> tuple[int, Message, str]:
    """Status, headers and text of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=named), timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, refused.read().decode()


# cron


def cron_lines() -> list[str]:
    lines = (CONTRIB / "crontab").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#") and not re.match(r"\w+=", line)]


def test_the_line_of_the_crontab_builds_and_is_quiet(archive: Path, tmp_path: Path) -> None:
    (line,) = cron_lines()
    *times, command = line.split(None, 5)
    assert all(re.fullmatch(r"[\d*/,-]+", part) for part in times)
    assert "%" not in command, "cron takes it for the end of the line"
    (tmp_path / "index").mkdir()
    for _ in range(2):
        done = subprocess.run(
            ["/bin/sh", "-c", program_here(command, archive, tmp_path / "index")],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert open_snapshot(tmp_path / "index").articles == 13


def test_the_line_of_the_crontab_says_what_is_wrong(tmp_path: Path) -> None:
    command = cron_lines()[0].split(None, 5)[5]
    done = subprocess.run(
        ["/bin/sh", "-c", program_here(command, tmp_path / "none", tmp_path / "index")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_the_crontab_is_one_that_cron_takes(tmp_path: Path) -> None:
    if shutil.which("crontab") is None:
        pytest.skip("cron is not installed")
    done = subprocess.run(["crontab", "-T", str(CONTRIB / "crontab")], capture_output=True, text=True)
    if "invalid option" in done.stderr:
        pytest.skip("this crontab cannot check a file")
    assert done.returncode == 0, done.stderr


# systemd


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they are, but with a program that exists here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    folder = tmp_path / "units"
    folder.mkdir()
    for name in UNITS:
        text = (CONTRIB / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(PROGRAM, shutil.which("true") or "/bin/true"), encoding="utf-8")
    return folder


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CONTRIB / name, encoding="utf-8")
    return parser


def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(units / name) for name in UNITS)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["search-app.service", "search-app-index.service"])
def test_the_services_are_shut_in(name: str, units: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(units / name)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd rates running units only")
    found = re.search(r"exposure level for .*: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) < 1.5


@pytest.mark.parametrize("name", ["search-app.service", "search-app-index.service"])
def test_the_services_call_commands_that_exist(name: str, archive: Path, index_dir: Path) -> None:
    command = unit(name)["Service"]["ExecStart"]
    words = shlex.split(program_here(command, archive, index_dir))
    options = [word for word in words if word.startswith("--")]
    done = subprocess.run([*words[:4], "--help"], capture_output=True, text=True, env=environment(), timeout=30)
    assert done.returncode == 0
    assert all(option in done.stdout for option in options)


def test_what_the_units_set_are_settings() -> None:
    service = unit("search-app.service")["Service"]
    for assignment in shlex.split(service["Environment"]):
        name, value = assignment.split("=")
        setting = BY_NAME[name.removeprefix(PREFIX).lower()]
        assert setting.minimum <= int(value) <= setting.maximum


def test_the_server_may_write_nowhere_and_the_builder_in_its_own_folder() -> None:
    server, builder = unit("search-app.service")["Service"], unit("search-app-index.service")["Service"]
    for service in (server, builder):
        assert service["ProtectSystem"] == "strict"
        assert service["NoNewPrivileges"] == service["PrivateTmp"] == "yes"
        assert service["CapabilityBoundingSet"] == ""
        assert "ReadWritePaths" not in service
    assert server["DynamicUser"] == "yes"
    assert "StateDirectory" not in server
    assert builder["StateDirectory"] == "search-app"
    assert builder["User"] in (CONTRIB / "search-app.sysusers").read_text(encoding="utf-8")
    assert builder["SuccessExitStatus"] == "75"


def test_the_journal_of_the_units_bounds_itself() -> None:
    names = {unit(name)["Service"]["LogNamespace"] for name in UNITS if name.endswith(".service")}
    assert len(names) == 1
    journal = unit(f"journald@{names.pop()}.conf")["Journal"]
    assert journal["SystemMaxUse"]
    assert journal["MaxRetentionSec"]


# nginx


@contextmanager
def nginx(tmp_path: Path, backend: str, changes: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run nginx with the piece of ours in front of a server; yield its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    with socket.socket() as held:
        # Held, so that nobody else is given the port, and shared with nginx, which alone listens there.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{held.getsockname()[1]}"
        configuration = write_configuration(tmp_path, place, backend, changes or {})
        command = [program, "-p", str(tmp_path), "-c", str(configuration)]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert checked.returncode == 0, checked.stderr
        assert "warn" not in checked.stderr
        with subprocess.Popen([*command, "-g", "daemon off;"]) as process:
            try:
                wait_until(lambda: process.poll() is not None or answers(f"http://{place}/"))
                assert process.poll() is None
                yield f"http://{place}"
            finally:
                process.terminate()


def answers(url: str) -> bool:
    """Return whether there is any answer, a refusal included."""
    try:
        return bool(ask(url))
    except OSError:
        return False


def write_configuration(tmp_path: Path, place: str, backend: str, changes: Mapping[str, str]) -> Path:
    """Write what nginx needs to run with the piece of ours, and return its file."""
    piece = (CONTRIB / "nginx.conf").read_text(encoding="utf-8")
    replaced = {
        "server 127.0.0.1:8000;": f"server {urlsplit(backend).netloc};",
        "listen 80;": f"listen {place} reuseport;",
        "    listen [::]:80;\n": "",
        **changes,
    }
    for old, new in replaced.items():
        assert old in piece, old
        piece = piece.replace(old, new)
    (tmp_path / "piece.conf").write_text(piece, encoding="utf-8")
    folders = "\n".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"""{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
pid {tmp_path}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
{folders}
access_log off;
include {tmp_path}/piece.conf;
}}
""",
        encoding="utf-8",
    )
    return configuration


def serve(index: Path, **variables: str) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    return serving("serve", "--index", index, "--port", "0", **variables)


def test_behind_nginx_addresses_and_clients_are_those_of_outside(index_dir: Path, tmp_path: Path) -> None:
    wanted = {"SEARCH_APP_PROXIES": "1", "SEARCH_APP_ACCESS_LOG": "1", "SEARCH_APP_LOG_ADDRESSES": "1"}
    with (
        serve(index_dir, **wanted) as (_, backend),
        nginx(tmp_path, backend) as url,
    ):
        forged = {"X_Forwarded_For": "192.0.2.66", "X_Forwarded_Host": "evil.example", "X_Forwarded_Prefix": "/evil"}
        forged |= {"X_Forwarded_Proto": "gopher", "Forwarded": "host=evil.example"}
        status, _, feed = ask(f"{url}/feed.atom?q=harbour", Host="news.example", **forged)
        assert status == 200
        assert "http://news.example/feed.atom" in feed
        assert "evil" not in feed
        assert "gopher" not in feed
        status, headers, page = ask(f"{url}/search?q=harbour", Host="news.example", **forged)
        assert status == 200
        assert "evil" not in page
        assert "Content-Security-Policy" in headers
        assert headers["Server"] == "nginx"
        assert ask(f"{url}/search?q={'harbour+' * 2500}")[0] == 200
        assert ask(f"{url}/metrics")[0] == 200
        assert ask(f"{url}/search?page=0", Accept="application/json")[1]["Content-Type"].startswith(
            "application/problem+json"
        )


def test_nginx_keeps_the_figures_to_the_machine(index_dir: Path, tmp_path: Path) -> None:
    strangers = {"allow 127.0.0.1;": "", "allow ::1;": ""}
    with (
        serve(index_dir) as (_, backend),
        nginx(tmp_path, backend, strangers) as url,
    ):
        assert ask(f"{url}/metrics")[0] == 403
        assert ask(f"{url}/search?q=harbour")[0] == 200


def test_behind_nginx_a_client_is_limited_by_its_own_address(index_dir: Path, tmp_path: Path) -> None:
    wanted = {"SEARCH_APP_PROXIES": "1", "SEARCH_APP_MAX_REQUESTS_A_MINUTE": "5"}
    with (
        serve(index_dir, **wanted) as (_, backend),
        nginx(tmp_path, backend) as url,
    ):
        answers = [ask(f"{url}/api/search", X_Forwarded_For=f"192.0.2.{number}") for number in range(8)]
        assert [status for status, _, _ in answers].count(429) >= 2, "nobody chooses who they are"
        refused = next(headers for status, headers, _ in answers if status == 429)
        assert int(refused["Retry-After"]) > 0


def test_nginx_passes_on_when_to_come_back(tmp_path: Path) -> None:
    with (
        serve(tmp_path / "none") as (_, backend),
        nginx(tmp_path, backend) as url,
    ):
        status, headers, text = ask(f"{url}/search?q=harbour")
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert "being prepared" in text, "the page is ours, not the web server's"


def test_below_a_path_of_nginx_every_link_stays_below_it(index_dir: Path, tmp_path: Path) -> None:
    with (
        serve(index_dir, SEARCH_APP_PROXIES="1", SEARCH_APP_URL_PREFIX="/archive") as (_, backend),
        nginx(tmp_path, backend, {"location / {": "location /archive/ {"}) as url,
    ):
        status, _, page = ask(f"{url}/archive/search?q=harbour")
        assert status == 200
        inside = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
        assert len(inside) > 20
        assert all(link.startswith("/archive/") for link in inside)
        assert ask(f"{url}/search?q=harbour")[0] == 404


# the container


def instructions() -> list[tuple[str, str]]:
    text = (CONTRIB / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line and not line.startswith("#")]  # type: ignore[misc]


def last_stage() -> list[tuple[str, str]]:
    lines = instructions()
    return lines[max(number for number, (name, _) in enumerate(lines) if name == "FROM") :]


def test_the_image_is_made_of_what_there_is() -> None:
    kept = [line.removeprefix("!") for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()]
    for name, value in instructions():
        assert name in {
            "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
            "ENTRYPOINT", "CMD",
        }  # fmt: skip
        if name == "COPY" and not value.startswith("--from"):
            *sources, _ = value.split()
            for source in sources:
                assert (REPOSITORY / source).exists(), source
                assert source in kept, f"{source} is left out by .dockerignore"
    packages = (REPOSITORY / "setup.cfg").read_text(encoding="utf-8")
    assert {"search_app", "templates", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= set(kept)
    assert "search_app.templates = templates" in packages


def test_the_image_is_hardened() -> None:
    for name, value in instructions():
        if name == "FROM":
            assert re.fullmatch(r"python:3\.\d+-slim-\w+( AS \w+)?", value), "a version, and a small base"
        if name == "RUN":
            assert not re.search(r"curl|wget|sudo|chmod\s+777|--privileged", value)
            assert "pip install" not in value or "--no-cache-dir" in value
        if name == "ENV":
            assert not re.search(r"(?i)password|secret|token|key", value)
        if name in ("ENTRYPOINT", "CMD"):
            assert value.startswith("["), "without a shell, so that the signal to stop arrives"
    stage = dict(last_stage())
    user, _, group = stage["USER"].partition(":")
    assert int(user) >= 10000
    assert int(group) >= 10000
    names = [name for name, _ in last_stage()]
    assert names.index("USER") > max(number for number, name in enumerate(names) if name == "RUN")
    assert "HEALTHCHECK" in stage
    assert stage["STOPSIGNAL"] == "SIGTERM"


def image_environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(value for name, value in last_stage() if name == "ENV")))


def test_the_image_sets_settings_that_exist() -> None:
    named = {name for name in image_environment() if name.startswith(PREFIX)}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(BY_NAME)
    assert image_environment()["SEARCH_APP_PORT"] == dict(last_stage())["EXPOSE"]


def test_the_program_needs_no_privilege_and_writes_to_its_temporary_folder_alone(index_dir: Path) -> None:
    """What the container is started with, without a container: no capability, everything read-only but one folder."""
    mounts = "mount --make-rprivate / && mount -o remount,ro,bind / && mount -t tmpfs tmpfs /mnt"
    shut_in = "exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all"
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mounts} && {shut_in} sh -c '! touch /mine /tmp/mine && touch /mnt/mine'"],
        capture_output=True,
    )
    if os.geteuid() != 0 or tried.returncode:
        pytest.skip("only root can make a file system read-only, and not everywhere")
    entry = " ".join(re.findall(r'"([^"]+)"', dict(last_stage())["ENTRYPOINT"] + dict(last_stage())["CMD"]))
    command = program_here(f"{PROGRAM} {entry.removeprefix('search-app ')}", Path("/nowhere"), index_dir)
    variables = {**image_environment(), "SEARCH_APP_PORT": "0", "SEARCH_APP_INDEX": str(index_dir)}
    variables |= {"HOME": "/nonexistent", "TMPDIR": "/mnt", "PATH": os.environ["PATH"]}
    with started(["unshare", "--mount", "sh", "-c", f"{mounts} && {shut_in} {command}"], **variables) as (process, url):
        assert ask(f"{url}search?q=harbour")[0] == 200
        assert ask(f"{url}readyz")[0] == 200
        check = re.search(r'"-c", "(.+?)"\]', dict(last_stage())["HEALTHCHECK"])
        assert check
        code = check[1].replace("8000", str(urlsplit(url).port))
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30).returncode == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
