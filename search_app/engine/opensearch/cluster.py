"""The door to a cluster: addresses and credentials from the settings, requests, and every failure as one sentence.

In: requests as plain dicts. Out: the cluster's answers as plain dicts. No exception of the client library leaves this
module, and no message holds a password.
"""

from __future__ import annotations

import json
import logging
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from ...errors import ClusterError, SettingsError
from ...settings import Settings

Json = dict[str, Any]
_ALIAS = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}\Z")
RETRIED = (429, 502, 503, 504)
TRIES = 3
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
ADMIN_SECONDS = 60.0
"""How long the cluster may take to make or remove an index, to assign its shards, or for anything no reader awaits."""
PASSING = frozenset(
    {
        "already_closed_exception",
        "cluster_manager_not_discovered_exception",
        "connect_transport_exception",
        "illegal_index_shard_state_exception",
        "index_shard_closed_exception",
        "index_shard_recovering_exception",
        "master_not_discovered_exception",
        "no_shard_available_action_exception",
        "node_closed_exception",
        "node_disconnected_exception",
        "node_not_connected_exception",
        "receive_timeout_transport_exception",
        "rejected_execution_exception",
        "search_context_missing_exception",
        "send_request_transport_exception",
        "shard_not_found_exception",
        "unavailable_shards_exception",
    }
)
"""What a cluster says while a node leaves it: another copy of the shard answers, as soon as it is asked."""
T = TypeVar("T")


class Missing(Exception):
    """What was asked for is not on the cluster; for this package alone."""


class Cluster:
    """A cluster of OpenSearch nodes. Safe to use from any number of threads.

    settings : ``opensearch_url`` and its companions. timeout_seconds : how long one answer may take in all; the
    setting's where None.
    Raises SettingsError for addresses or files that cannot be used. Cost: nothing is sent.
    """

    def __init__(self, settings: Settings, timeout_seconds: float | None = None) -> None:
        self.timeout_seconds = timeout_seconds or settings.number("opensearch_timeout")
        self.alias = settings.text("opensearch_index")
        if not _ALIAS.match(self.alias):
            raise SettingsError(
                "opensearch_index",
                f"opensearch_index is “{self.alias}”; it takes small letters, digits, “-”, “_” and “.”, a letter or "
                "digit first, 100 at most.",
            )
        hosts = [_host(part) for part in re.split(r"[,\s]+", settings.text("opensearch_url")) if part]
        if not hosts:
            raise SettingsError(
                "opensearch_url",
                "No cluster is named. SEARCH_APP_OPENSEARCH_URL takes the addresses of its nodes, parted by commas: "
                "https://node1.example:9200,https://node2.example:9200",
            )
        self.name = ", ".join(f"{host['scheme']}://{host['host']}:{host['port']}" for host in hosts)
        self._client = _make_client(hosts, settings, self.timeout_seconds)

    def request(
        self, method: str, path: str, body: Any = None, *, missing_ok: bool = False, seconds: float = 0.0, **params: Any
    ) -> Json:
        """Send one request and return its answer.

        body : JSON, a list of JSON values to be sent a line each, or bytes. seconds : how long this one may take.
        missing_ok : answer ``{}`` where the cluster says 404; else Missing is raised.
        Raises ClusterError for everything else that goes wrong, for a 404 that passes too.
        """
        import opensearchpy

        if isinstance(body, list):
            body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in body).encode("utf-8", "replace")
        elif isinstance(body, dict):
            body = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"content-type": "application/x-ndjson" if _is_lines(path) else "application/json"}
        if seconds:
            params["request_timeout"] = seconds
        with self._sentences():
            try:
                answer = self._client.transport.perform_request(
                    method, path, params=params or None, body=body, headers=headers
                )
            except opensearchpy.exceptions.NotFoundError as error:
                if will_pass(error.info):
                    raise
                if missing_ok:
                    return {}
                raise Missing(str(error.error)) from None
        # A HEAD request is answered with True, and 404 of one does not raise.
        return answer if isinstance(answer, dict) else {"answer": answer}

    def read(self, method: str, path: str, body: Any = None, *, missing_ok: bool = False, **params: Any) -> Json:
        """Send a request that only reads, as ``request`` does, again while nodes come and go."""
        return self.patiently(
            lambda seconds: self.request(method, path, body, missing_ok=missing_ok, seconds=seconds, **params)
        )

    def search(self, index: str, body: Json, **params: Any) -> Json:
        """Run one search, again while nodes come and go.

        index : its name, ``""`` where the body names a point in time; that is lost with the node that holds it, so it
        is asked once. Raises ClusterError where it did not reach every shard or did not end in time.
        """
        if "pit" in body:
            return self.checked(self.request("POST", "/_search", self._timed(body), **params))
        params["allow_partial_search_results"] = "false"
        timed = self._timed(body)
        return self.patiently(
            lambda seconds: self.checked(self.request("POST", f"/{index}/_search", timed, seconds=seconds, **params))
        )

    def searches(self, index: str, asked: Sequence[tuple[Json, Json]]) -> list[Json]:
        """Run several (parameters, body) in one request; answers in their order. Raises as ``search``."""
        found: dict[int, Json] = {}

        def ask(seconds: float) -> list[Json]:
            left = [number for number in range(len(asked)) if number not in found]
            lines: list[Json] = []
            for params, body in map(asked.__getitem__, left):
                lines += [{"allow_partial_search_results": False, **params}, self._timed(body)]
            answers = self.request("POST", f"/{index}/_msearch", lines, seconds=seconds)["responses"]
            lost: ClusterError | None = None
            for number, answer in zip(left, answers, strict=True):
                try:
                    found[number] = self.checked(answer)
                except ClusterError as error:
                    if not error.passing:
                        raise
                    lost = error
            if lost is not None:
                raise lost
            return [found[number] for number in range(len(asked))]

        return self.patiently(ask) if asked else []

    def patiently(self, ask: Callable[[float], T]) -> T:
        """Ask, again and again for as long as one answer may take, while what goes wrong is passing.

        ask : only reads, since it may be called more than once; called with the seconds that one try may take, 0 for
        as long as ever. Raises the last ClusterError, or at once one that will not pass.
        """
        deadline = time.monotonic() + self.timeout_seconds
        pause, seconds = FIRST_PAUSE_SECONDS, 0.0
        while True:
            try:
                return ask(seconds)
            except ClusterError as error:
                left = deadline - time.monotonic() - pause
                if not error.passing or left <= 0:
                    raise
            # Not all at the same time: what was lost is asked for again by every reader.
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - nothing here is a secret
            pause, seconds = min(2 * pause, LONGEST_PAUSE_SECONDS), max(0.5, left / TRIES)

    def _timed(self, body: Json) -> Json:
        return {"timeout": f"{max(1, int(self.timeout_seconds * 1000 * 0.8))}ms", **body}

    def checked(self, answer: Json) -> Json:
        """Return a search's answer, having made sure that it is a whole one."""
        error = answer.get("error")
        if error:
            kind = error.get("type", "") if isinstance(error, dict) else str(error)
            if kind == "index_not_found_exception":
                raise Missing(str(error.get("index")))
            status = int(answer.get("status", 0))
            raise ClusterError(
                self.name,
                f"it could not answer a search ({_cause(answer)})",
                status=status,
                passing=status in RETRIED or will_pass(error),
            )
        failures = answer.get("_shards", {}).get("failures") or ()
        if failures and all(map(will_pass, failures)):
            raise ClusterError(self.name, f"it lost a node ({_cause(failures[0].get('reason'))})", passing=True)
        if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
            raise ClusterError(self.name, f"a search did not end within {self.timeout_seconds:g} s")
        return answer

    def serving_index(self, *, local: bool = False) -> str | None:
        """Return the name of the index that the alias leads to, None where there is none.

        local : ask any node, which may learn of a change a moment later, and not the one that manages the cluster:
        where that is lost, the others have yet to elect another.
        """
        found: Json = self.read("GET", f"/_alias/{self.alias}", missing_ok=True, local=str(local).lower())
        names = sorted(name for name, held in found.items() if isinstance(held, dict) and "aliases" in held)
        return max(names, key=index_number, default=None)

    def own_indices(self) -> list[str]:
        """Return every index that a build of this alias made, oldest first; their tables apart."""
        pattern = re.compile(re.escape(self.alias) + r"-(\d{8,})\Z")
        found = self.request("GET", f"/{self.alias}-*", missing_ok=True, filter_path="*.settings.index.uuid")
        return sorted((name for name in found if pattern.match(name)), key=index_number)

    def remove(self, *indices: str) -> None:
        """Remove indices, those that are there."""
        for index in indices:
            self.request("DELETE", f"/{index}", missing_ok=True, seconds=ADMIN_SECONDS)

    def meta(self, index: str) -> Json:
        """Return what a build wrote about an index, ``{}`` for an index that no build has finished."""
        answer = self.read("GET", f"/{index}/_mapping", local="true")
        held: Json = next(iter(answer.values()), {})
        found: Json = held.get("mappings", {}).get("_meta", {})
        return found

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turn what the client library raises into a ClusterError."""
        import opensearchpy

        try:
            yield
        except (opensearchpy.exceptions.AuthenticationException, opensearchpy.exceptions.AuthorizationException):
            raise ClusterError(
                self.name,
                "it refuses the user name or password. Check SEARCH_APP_OPENSEARCH_USER and "
                "SEARCH_APP_OPENSEARCH_PASSWORD, and what that user may do",
                refused=True,
            ) from None
        except opensearchpy.exceptions.SSLError as error:
            raise ClusterError(
                self.name,
                f"its certificate cannot be verified ({_plain(error)}). SEARCH_APP_OPENSEARCH_CA takes the file of the "
                "authority that signed it",
            ) from None
        except opensearchpy.exceptions.ConnectionTimeout:
            raise ClusterError(self.name, f"it gave no answer within {self.timeout_seconds:g} s") from None
        except opensearchpy.exceptions.ConnectionError as error:
            raise ClusterError(self.name, f"it cannot be reached ({_plain(error)})") from None
        except opensearchpy.exceptions.TransportError as error:
            status = error.status_code if isinstance(error.status_code, int) else 0
            raise ClusterError(
                self.name,
                f"it answered {error.status_code} ({_cause(error.info)})",
                status=status,
                passing=status in RETRIED or will_pass(error.info),
            ) from None
        except opensearchpy.exceptions.OpenSearchException as error:
            raise ClusterError(self.name, f"its answer cannot be read ({type(error).__name__})") from None


def patient_cluster(settings: Settings) -> Cluster:
    """Return the door for builds and upkeep, which would rather wait than fail. Raises as ``Cluster``."""
    return Cluster(settings, max(ADMIN_SECONDS, settings.number("opensearch_timeout")))


def index_number(index: str) -> int:
    """Return the number of a build's index, 0 where its name has none."""
    number = index.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _is_lines(path: str) -> bool:
    return path.endswith(("_bulk", "_msearch"))


def _make_client(hosts: list[Json], settings: Settings, seconds: float) -> Any:
    try:
        import opensearchpy
    except ImportError:
        raise SettingsError(
            "engine",
            "The engine “opensearch” needs a library that is not installed. "
            "Install it with: pip install 'search-app[opensearch]'",
        ) from None
    # Every failure is told as a sentence of ours, and a 404 is often what was expected.
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    user, password = settings.text("opensearch_user"), settings.text("opensearch_password")
    context = None
    if any(host["scheme"] == "https" for host in hosts):
        context = _tls(settings.text("opensearch_ca"))
    return opensearchpy.OpenSearch(
        hosts=hosts,
        http_auth=(user, password) if user else None,
        ssl_context=context,
        # Each try may take its share of the whole, so that one node that hangs leaves time to ask another.
        timeout=max(0.5, seconds / min(TRIES, len(hosts) + 1)),
        max_retries=min(TRIES, len(hosts) + 1) - 1,
        retry_on_timeout=True,
        retry_on_status=RETRIED,
        pool_maxsize=16,
    )


def _tls(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or "it holds no certificate"
        raise SettingsError(
            "opensearch_ca",
            f"SEARCH_APP_OPENSEARCH_CA is “{Path(authority)}”, which cannot be used: {reason}. "
            "It takes a file of certificates in PEM form.",
        ) from None


def _host(address: str) -> Json:
    try:
        parts: SplitResult = urlsplit(address if "://" in address else "http://" + address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        shown = re.sub(r"//[^/@]*@", "//…@", address)
        raise SettingsError(
            "opensearch_url",
            f"SEARCH_APP_OPENSEARCH_URL holds “{shown}”; it takes addresses such as https://node1.example:9200, "
            "parted by commas.",
        )
    host: Json = {
        "host": parts.hostname,
        "port": port or (443 if parts.scheme == "https" else 9200),
        "scheme": parts.scheme,
        "use_ssl": parts.scheme == "https",
    }
    if parts.path.strip("/"):
        host["url_prefix"] = parts.path.strip("/")
    if parts.username:
        host["http_auth"] = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return host


def _plain(error: Any) -> str:
    text = str(getattr(error, "error", "") or error)
    known = ("refused", "timed out", "Name or service not known", "certificate verify failed", "reset", "unreachable")
    return next((word for word in known if word in text), type(error).__name__)


def will_pass(error: Any) -> bool:
    """Tell whether an error that a cluster describes is one of those that pass when it is asked again."""
    return not PASSING.isdisjoint(_kinds(error))


def _kinds(error: Any) -> set[str]:
    """Return the type of an error and of everything that caused it."""
    if isinstance(error, list):
        return set().union(*map(_kinds, error))
    if not isinstance(error, dict):
        return set()
    return {str(error.get("type", ""))}.union(*(_kinds(value) for value in error.values()))


def _cause(info: Any) -> str:
    """Return the innermost reason that the cluster gives, cut to a line."""
    error = info.get("error", info) if isinstance(info, dict) else info
    if isinstance(error, dict):
        causes = error.get("root_cause") or [error]
        inner = error.get("caused_by") or causes[0]
        error = f"{inner.get('type', '')}: {inner.get('reason', '')}"
    return " ".join(str(error).split())[:200] or "without a reason"
