"""A real OpenSearch cluster on this machine: fetched from Maven Central once, a Java process a node, stopped again.

    python tests/opensearch/local_cluster.py               starts three nodes, says where, stops with Ctrl-C
    python tests/opensearch/local_cluster.py COMMAND …     starts them, runs a command that uses them, stops them
    python tests/opensearch/local_cluster.py --fetch       fetches and prepares what a later start needs

Needs Java 21 or newer, Maven and 4 GB of memory. ``OPENSEARCH_TEST_JAVA`` names the home of a Java where several are
installed; ``OPENSEARCH_TEST_CACHE`` a folder in which the server is kept between runs.
"""

from __future__ import annotations

import fcntl
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
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

HERE = Path(__file__).resolve().parent
LEAST_JAVA = 21
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_SECONDS = 300
START_SECONDS = 180
TRAIN_SECONDS = 120
STOP_SECONDS = 40
HEAP = "512m"
LEAST_MEMORY_GB = 4
"""Three nodes take some 3 GB; a machine that has no more would end something else for want of memory."""
# What OpenSearch's own launcher sets for its libraries. What runs for minutes is not worth the second compiler's time.
JAVA_FLAGS = (
    f"-Xms{HEAP} -Xmx{HEAP} -XX:+UseSerialGC -Xss1m -XX:TieredStopAtLevel=1 --enable-native-access=ALL-UNNAMED"
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


def free_memory_gb() -> float:
    """Return how much memory more processes may take, by the machine and by its container."""
    free = [float("inf")]
    try:
        told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free.append(int(told["MemAvailable"].split()[0]) / 2**20)
        for group, most in (("", "memory.max"), ("memory", "memory.limit_in_bytes")):
            limit = Path("/sys/fs/cgroup", group, most)
            if limit.is_file() and limit.read_text().strip().isdigit():
                # What is kept of files gives way.
                taken = dict(line.split() for line in limit.with_name("memory.stat").read_text().splitlines())
                held = int(taken.get("anon", taken.get("total_rss", 0)))
                free.append((int(limit.read_text()) - held) / 2**30)
    except (OSError, KeyError, ValueError):
        pass  # Another system: there it is tried.
    return min(free)


def fetch_server(seconds: float = FETCH_SECONDS) -> Path:
    """Return the folder of the server's jars, fetched where they are missing. Raises Unavailable."""
    cache = cache_folder()
    pom = (HERE / "pom.xml").read_bytes()
    folder = cache / f"opensearch-{hashlib.sha256(pom).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("no Maven, which fetches the server from Maven Central")
    with tempfile.TemporaryDirectory(dir=cache) as made:
        jars = Path(made) / "jars"
        command = [maven, "-B", "-ntp", "-q", "-f", HERE / "pom.xml", COPY_GOAL, "-DincludeScope=runtime"]
        try:
            done = subprocess.run(
                [*command, f"-DoutputDirectory={jars}"], capture_output=True, text=True, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"Maven Central gave no server within {seconds:.0f} s") from None
        if done.returncode or not list(jars.glob("opensearch-3*.jar")):
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise Unavailable(f"Maven Central gave no server: {last}")
        jars.rename(folder)
    return folder


def cache_folder() -> Path:
    """Return the folder in which the server is kept between runs."""
    named = os.environ.get("OPENSEARCH_TEST_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "search-app-tests"


def prepared_command(seconds: float = FETCH_SECONDS) -> list[str]:
    """Return the command that starts a node, its arguments apart, having fetched and prepared what it needs.

    One process at a time does this; the others wait and find it done. seconds : how long fetching may take.
    Raises Unavailable where there is no Java, no server, or not enough memory.
    """
    java, free = find_java(), free_memory_gb()
    if free < LEAST_MEMORY_GB:
        raise Unavailable(f"three nodes need {LEAST_MEMORY_GB} GB of memory, and {free:.1f} GB are free")
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with (cache_folder() / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return prepare_node(java, fetch_server(seconds))
    except OSError as error:
        raise Unavailable(f"{error.filename or cache_folder()} cannot be used: {error.strerror}") from None
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{error.cmd[0]} did not end within {error.timeout:.0f} s") from None


def prepare_node(java: Path, jars: Path) -> list[str]:
    """Return the command that starts a node, its arguments apart.

    The first time, the program is compiled and the classes that it loads are kept as the Java machine has them in
    memory: a node then starts in a quarter of the time. Raises Unavailable where the program cannot be compiled.
    """
    source = HERE / "Node.java"
    told = subprocess.run([java, "-version"], capture_output=True, timeout=30).stderr
    mark = hashlib.sha256(source.read_bytes() + told + " ".join(JAVA_FLAGS).encode()).hexdigest()[:12]
    program = jars.with_name(f"{jars.name}-node-{mark}.jar")
    if not program.is_file():
        with tempfile.TemporaryDirectory(dir=jars.parent) as made:
            compile_command = [java.with_name("javac"), "-cp", f"{jars}/*", "-d", made, source]
            done = subprocess.run(compile_command, capture_output=True, text=True, timeout=TRAIN_SECONDS)
            if done.returncode:
                raise Unavailable(f"Node.java cannot be compiled: {done.stderr.strip().splitlines()[-1:]}")
            # Classes are kept of jars alone, not of folders.
            with zipfile.ZipFile(Path(made) / "node.jar", "w") as jar:
                jar.write(Path(made) / "Node.class", "Node.class")
            (Path(made) / "node.jar").rename(program)
    command = [str(java), *JAVA_FLAGS, "-cp", f"{program}:{jars}/*", "Node"]
    archive = program.with_suffix(".jsa")
    if not archive.is_file():
        _train(command, archive)
    return [command[0], f"-XX:SharedArchiveFile={archive}", *command[1:]] if archive.is_file() else command


def _train(command: list[str], archive: Path) -> None:
    """Start a node by itself and have it write down the classes that it loaded; without that it does as well."""
    made = archive.with_suffix(".tmp")
    with tempfile.TemporaryDirectory(prefix="search-app-opensearch-") as folder:
        http, transport = free_ports(2)
        node = _make_node(
            [command[0], f"-XX:ArchiveClassesAtExit={made}", *command[1:]], Path(folder), 0, [http], [transport]
        )
        node.start()
        try:
            LocalCluster([node]).await_nodes(1)
        finally:
            node.stop()
            node.wait()
    if made.is_file():
        made.rename(archive)


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
        self.await_nodes(len(self.nodes), "red")
        # A cluster gives a node that left a minute to come back; tests that had it hang need not wait for that.
        _ask(self.nodes[0].url + "/_all/_settings", b'{"index.unassigned.node_left.delayed_timeout": "0"}')
        self.await_nodes(len(self.nodes))

    def await_nodes(self, count: int, status: str = "green") -> None:
        """Wait until so many nodes have found each other and every shard has its place.

        Raises Unavailable where that takes too long.
        """
        query = f"/_cluster/health?wait_for_status={status}&wait_for_nodes={count}&timeout=5s"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            # Every node that runs: one that has just been started is not missed yet by the others.
            found = [_ask(node.url + query) for node in self.nodes if node.running]
            if found and all(health is not None and _is_whole(health, count, status) for health in found):
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


def _is_whole(health: dict[str, object], count: int, status: str) -> bool:
    order = ("red", "yellow", "green")
    return health["number_of_nodes"] == count and order.index(str(health["status"])) >= order.index(status)


def _ask(url: str, put: bytes | None = None) -> dict[str, object] | None:
    """Return what a node answers, None where it does not answer well. put : what to put there."""
    headers = {"Content-Type": "application/json"}
    try:
        with urlopen(Request(url, put, headers, method="PUT" if put else "GET"), timeout=15) as answer:
            found: dict[str, object] = json.load(answer)
            return found
    except (URLError, OSError, ValueError):
        return None


def _make_node(command: list[str], folder: Path, number: int, http: list[int], transport: list[int]) -> Node:
    names = [f"node-{other + 1}" for other in range(len(http))]
    name = names[number]
    seeds = ",".join(f"127.0.0.1:{port}" for port in transport)
    own = [name, str(http[number]), str(transport[number]), str(folder / name), seeds, ",".join(names)]
    return Node(name, [*command, *own], folder / f"{name}.log", http[number])


@contextmanager
def running_cluster(count: int = 3, seconds: float = FETCH_SECONDS) -> Iterator[LocalCluster]:
    """Run a cluster for the length of a ``with`` block, in a folder that is removed at the end. Raises Unavailable.

    seconds : how long fetching the server may take.
    """
    command = prepared_command(seconds)
    ports = free_ports(2 * count)
    folder = Path(tempfile.mkdtemp(prefix="search-app-opensearch-"))
    nodes = [_make_node(command, folder, number, ports[:count], ports[count:]) for number in range(count)]
    cluster = LocalCluster(nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run a cluster until it is interrupted or a command has ended, or fetch what it needs."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        if arguments == ["--fetch"]:
            prepared_command()
            return 0
        with running_cluster() as cluster:
            found = {"SEARCH_APP_ENGINE": "opensearch", "SEARCH_APP_OPENSEARCH_URL": cluster.url}
            if arguments:
                return subprocess.run(arguments, env={**os.environ, **found}).returncode
            print("export", *(f"{name}={value}" for name, value in found.items()), flush=True)
            signal.pause()
    except Unavailable as error:
        print(f"No OpenSearch cluster can be started here: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
