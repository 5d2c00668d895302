"""Settings that name a cluster: bad values are told in a sentence, before anything is asked, and secrets never."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_app.engine import open_engine
from search_app.engine.opensearch.cluster import Cluster
from search_app.engine.request import SearchRequest
from search_app.errors import ClusterError, SettingsError
from search_app.settings import load_settings

URL = "http://127.0.0.1:9"


def refused(**settings: str | int) -> str:
    """Return what is said about settings that cannot be used."""
    with pytest.raises(SettingsError) as caught:
        open_engine(Path("index"), load_settings({}, **{"engine": "opensearch", "opensearch_url": URL, **settings}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"engine": "elastic"}, "it takes embedded or opensearch"),
        ({"opensearch_url": " , "}, "SEARCH_APP_OPENSEARCH_URL takes the addresses of its nodes"),
        ({"opensearch_url": "ftp://node:9200"}, "it takes addresses such as https://node1.example:9200"),
        ({"opensearch_url": "http://node:port"}, "it takes addresses such as"),
        ({"opensearch_index": "News!"}, "it takes small letters"),
        ({"opensearch_url": "https://node", "opensearch_ca": "/no/such/file.pem"}, "cannot be used"),
    ],
    ids=["engine", "no address", "scheme", "port", "alias", "authority"],
)
def test_a_bad_value_is_told(settings: dict[str, str], part: str) -> None:
    assert part in refused(**settings)


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    assert "PEM" in refused(opensearch_url="https://node", opensearch_ca=str(tmp_path / "empty.pem"))


def test_passwords_are_never_told() -> None:
    """Neither of the address nor of the setting, neither where the value is bad nor where nobody answers."""
    assert "secret" not in refused(opensearch_url="ftp://somebody:secret@node:9200")
    settings = load_settings(
        {},
        engine="opensearch",
        opensearch_url="http://somebody:secret@127.0.0.1:9",
        opensearch_user="another",
        opensearch_password="hidden",
        opensearch_timeout=1,
    )
    engine = open_engine(Path("index"), settings)
    with pytest.raises(ClusterError) as caught:
        engine.search(SearchRequest())
    assert "secret" not in str(caught.value) and "hidden" not in str(caught.value)
    assert "http://127.0.0.1:9 cannot be used: it cannot be reached (refused)" in str(caught.value)


def test_several_addresses_are_taken_in_any_form() -> None:
    url = "node1.example, https://node2.example:9201/os,http://[::1]:9202"
    cluster = Cluster(load_settings({}, opensearch_url=url))
    assert cluster.name == "http://node1.example:9200, https://node2.example:9201, http://::1:9202"
    cluster.close()
