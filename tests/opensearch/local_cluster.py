"""A real OpenSearch cluster on this machine: fetched from Maven Central once, a Java process a node, stopped again.

    python tests/opensearch/local_cluster.py            starts three nodes, prints their addresses, stops with Ctrl-C

Needs Java 21 or newer and Maven. ``OPENSEARCH_TEST_JAVA`` names the home of a Java where several are installed;
``OPENSEARCH_TEST_CACHE`` a folder in which the server is kept between runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

HERE = Path(__file__).resolve().parent
LEAST_JAVA = 21
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_SECONDS = 600
START_SECONDS = 180
STOP_SECONDS = 40
HEAP = "512m"
# What OpenSearch's own launcher sets for its libraries.
JAVA_FLAGS = (
    f"-Xms{HEAP} -Xmx{HEAP} -XX:+UseSerialGC -Xss1m --enable-native-access=ALL-UNNAMED"
    " -Dfile.encoding=UTF-8 -Djava.awt.headless=true -Djna.nosys=true -Dlog4j2.disable.jmx=true"
    " -Dlog4j.shutdownHookEnabled=false -Dio.netty.noUnsafe=true -Dio.netty.allocator.numDirectArenas=0"
    " -Dio.netty.recycler.maxCapacityPerThread=0 -Dio.netty.noKeySetOptimization=true"
).split()


class Unavailable(Exception):
    """This machine cannot run a cluster; the message says why."""


def find_java() -> Path:
    """Return the Java program to use. Raises Unavailable where none is new enough."""
    named = [os.environ[name] for name in ("OPENSEARCH_TEST_JAVA", "JAVA_HOME") if os.environ.get(name)]
    installed = sorted(Path("/usr/lib/jvm").glob("*"), reverse=True) if Path("/usr/lib/jvm").is_dir() else []
    found = [Path(home) / "bin" / "java" for home in (*named, *installed)]
    on_path = shutil.which("java")
    for java in (*found, *([Path(on_path)] if on_path else [])):
        if java.is_file() and _java_version(java) >= LEAST_JAVA:
            return java
    raise Unavailable(f"no Java {LEAST_JAVA} or newer; OPENSEARCH_TEST_JAVA names the home of one")


def _java_version(java: Path) -> int:
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', told)
    return int(match[1]) if match else 0


def fetch_server() -> Path:
    """Return the folder of the server's jars, fetched where they are missing. Raises Unavailable."""
    named = os.environ.get("OPENSEARCH_TEST_CACHE")
    cache = Path(named) if named else Path.home() / ".cache" / "search-app-tests"
    pom = (HERE / "pom.xml").read_bytes()
    folder = cache / f"opensearch-{hashlib.sha256(pom).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("no Maven, which fetches the server from Maven Central")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as made:
        jars = Path(made) / "jars"
        command = [maven, "-B", "-ntp", "-q", "-f", HERE / "pom.xml", COPY_GOAL, "-DincludeScope=runtime"]
        try:
            done = subprocess.run(
                [*command, f"-DoutputDirectory={jars}"], capture_output=True, text=True, timeout=FETCH_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"Maven Central gave no server within {FETCH_SECONDS} s") from None
        if done.returncode or not list(jars.glob("opensearch-3*.jar")):
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise Unavailable(f"Maven Central gave no server: {last}")
        jars.rename(folder)
    return folder


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


class Node:
    """One node: a Java process of its own, with a folder of its own that outlives it."""

    def __init__(self, name: str, command: list[str], log: Path, port: int) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it joins the cluster by itself."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._signal(signal.SIGKILL)
        self.wait()

    def pause(self) -> None:
        """Let the process hang: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a process that hangs go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Ask the process to end."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)

    def wait(self) -> None:
        """Wait until the process has ended; insist after a while."""
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def last_words(self) -> str:
        """Return the end of what the process wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


class LocalCluster:
    """Some nodes that know each other."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    @property
    def url(self) -> str:
        """All addresses, as the setting takes them."""
        return ",".join(node.url for node in self.nodes)

    def start(self) -> None:
        """Start every node and wait until the cluster is whole."""
        for node in self.nodes:
            if not node.running:
                node.start()
        self.await_nodes(len(self.nodes))

    def await_nodes(self, count: int, status: str = "green") -> None:
        """Wait until so many nodes have found each other and every shard has its place.

        Raises Unavailable where that takes too long.
        """
        query = f"/_cluster/health?wait_for_status={status}&wait_for_nodes={count}&timeout=5s"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for node in self.nodes:
                if node.running and (health := _health(node.url + query)) is not None:
                    order = ("red", "yellow", "green")
                    if health["number_of_nodes"] == count and order.index(health["status"]) >= order.index(status):
                        return
            time.sleep(0.3)
        words = "\n".join(f"{node.name}: {node.last_words()}" for node in self.nodes)
        raise Unavailable(f"the cluster is not {status} with {count} nodes after {START_SECONDS} s\n{words}")

    def stop(self) -> None:
        """Stop every node."""
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            node.wait()


def _health(url: str) -> dict[str, object] | None:
    try:
        with urlopen(url, timeout=15) as answer:
            found: dict[str, object] = json.load(answer)
            return found
    except (URLError, OSError, ValueError):
        return None


@contextmanager
def running_cluster(count: int = 3) -> Iterator[LocalCluster]:
    """Run a cluster for the length of a ``with`` block, in a folder that is removed at the end. Raises Unavailable."""
    java, jars = find_java(), fetch_server()
    ports = free_ports(2 * count)
    http, transport = ports[:count], ports[count:]
    names = [f"node-{number + 1}" for number in range(count)]
    seeds = ",".join(f"127.0.0.1:{port}" for port in transport)
    folder = Path(tempfile.mkdtemp(prefix="search-app-opensearch-"))
    nodes = []
    for name, http_port, transport_port in zip(names, http, transport, strict=True):
        command = [str(java), *JAVA_FLAGS, "-cp", f"{jars}/*", str(HERE / "Node.java"), name]
        command += [str(http_port), str(transport_port), str(folder / name), seeds, ",".join(names)]
        nodes.append(Node(name, command, folder / f"{name}.log", http_port))
    cluster = LocalCluster(nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run a cluster until it is interrupted."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        with running_cluster() as cluster:
            print(f"export SEARCH_APP_ENGINE=opensearch SEARCH_APP_OPENSEARCH_URL={cluster.url}", flush=True)
            signal.pause()
    except Unavailable as error:
        print(f"No cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
