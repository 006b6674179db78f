"""The directory as ndjson: what cannot be answered is refused before it begins, a stream that
cannot go on is cut, and what the server writes of a fault tells nothing of who asked what."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from api.dev import processes
from api.http import streams
from permissions.errors import NotAuthenticated
from permissions.identity import credentials
from tests.support.ground.cluster import HOME
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import SOON
from tests.support.people.directory_entries import (
    LIST,
    ORGANIZATIONS,
    PLACES,
    TAXONOMIES,
    TERMS,
    lines,
)

STREAM = {"format": "ndjson"}
HALF = streams.THREADS // 2
MARK = "Quennelby"  # a word that no log may hold

BAD = [
    (path, query)
    for path in (LIST, PLACES, ORGANIZATIONS, TAXONOMIES, TERMS)
    for query in ({"page": "0"}, {"per_page": "0"}, {"search": MARK * 23})
] + [
    (LIST, {"facets": "maybe"}),
    (LIST, {"postcode": MARK * 2}),
    (TERMS, {"parent_id": MARK}),
    (TERMS, {"taxonomy_id": MARK}),
    (TERMS, {"top_only": MARK}),
]


@pytest.mark.parametrize(("path", "query"), BAD)
def test_a_stream_refuses_what_a_page_refuses(api: Any, path: str, query: dict[str, str]) -> None:
    page = api(None).get(path, query)
    stream = api(None).get(path, query | STREAM)
    assert (page.status_code, stream.status_code) == (400, 400)
    assert stream.content == page.content
    assert api(None).post(path, query | STREAM).content == page.content


def test_what_fails_before_the_first_line_is_told_with_the_safety_lines(
    api: Any, superuser: Any
) -> None:
    rename = "ALTER TABLE directory_taxonomyterm RENAME COLUMN {} TO {}; COMMIT"
    with superuser.cursor() as cursor:
        cursor.execute(rename.format("code", "another"))
        try:
            answer = api(None).get(TERMS, STREAM)
        finally:
            cursor.execute(rename.format("another", "code"))
    assert (answer.status_code, answer.streaming) == (500, False)
    assert answer.json()["safety_lines"][0]["phone"] == "911"


# -- Words spelt otherwise ------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["sheltr", "shelter", "qqqqzzzz"])
def test_page_stream_and_counts_read_the_words_alike(
    api: Any, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr("directory.search.retrieval.STREAMED", 3)
    for who in (None, "police.worker"):
        for path in (LIST, PLACES):
            page = api(who).get(path, {"search": words, "per_page": "100"}).json()
            streamed = lines(api(who).get(path, {"search": words} | STREAM))
            found = sorted(one["id"] for one in page["contents"])
            assert sorted(one["id"] for one in streamed) == found
            assert bool(found) == (words != "qqqqzzzz")
        page = api(who).get(LIST, {"search": words, "facets": "true"}).json()
        intake = page["facets"].get("intake", {})
        assert sum(intake.values()) == page["total_items"]


@pytest.mark.parametrize("path", [LIST, PLACES])
def test_near_a_point_a_stream_has_what_stands_somewhere_as_a_page_has(api: Any, path: str) -> None:
    near = {"latitude": "46.87", "longitude": "-113.99"}
    for who in (None, "police.worker"):
        page = api(who).get(path, near | {"per_page": "100"}).json()["contents"]
        streamed = lines(api(who).get(path, near | STREAM))
        assert page
        assert sorted(one["id"] for one in streamed) == sorted(one["id"] for one in page)


# -- A right that ends ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LIST, PLACES, ORGANIZATIONS])
@pytest.mark.parametrize("who", ["police.worker", "police.client"])
def test_a_stream_is_cut_where_its_token_ends(
    api: Any, monkeypatch: pytest.MonkeyPatch, path: str, who: str
) -> None:
    monkeypatch.setattr("directory.search.retrieval.STREAMED", 5)
    caller = api(who)
    parts = caller.get(path, STREAM | {"per_page": "5"}).streaming_content
    assert next(parts)
    credentials.end_credential(caller.secret)
    with pytest.raises(NotAuthenticated):
        list(parts)


def test_a_stream_of_nobodys_has_no_token_that_could_end(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directory.search.retrieval.STREAMED", 5)
    assert len(lines(api(None).get(LIST, STREAM))) > 5


# -- What the server writes -----------------------------------------------------------------------


class Watched:
    """A gunicorn of its own, and all that it wrote."""

    def __init__(self, command: list[str], base_url: str, written: Path) -> None:
        self.base_url, self.written = base_url, written
        env = os.environ | {"CAIRN_HOME": str(HOME), "CAIRN_BASE_URL": base_url}
        with written.open("wb") as file:
            self.process = subprocess.Popen(command, env=env, stdout=file, stderr=file)
        processes.wait_until_ready(base_url, self.process)

    def raw(self, line: str) -> bytes:
        """What a request line gets that no client of HTTP would send."""
        host, port = self.base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as peer:
            peer.sendall(f"{line}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: peer.recv(65536), b""))

    def end(self) -> str:
        self.process.terminate()
        self.process.wait(SOON)
        return self.written.read_text()


@pytest.fixture(params=["make run", "gunicorn.conf.py"])
def watched(
    request: pytest.FixtureRequest,
    django_db_setup: str,
    network: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Watched]:
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("CAIRN_DATABASE", django_db_setup)
    monkeypatch.setenv("CAIRN_BIND", f"127.0.0.1:{port}")
    monkeypatch.setenv("CAIRN_LOG_LEVEL", "INFO")
    configured = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
    commands = {
        "make run": processes.gunicorn(base_url),
        "gunicorn.conf.py": [*configured, "api.wsgi"],
    }
    command = [
        "tests.support.servers.failing_app" if word == "api.wsgi" else word
        for word in commands[request.param]
    ]
    made = Watched(command, base_url, tmp_path / "written")
    yield made
    if made.process.poll() is None:
        made.end()


def test_no_fault_lets_the_server_write_what_was_asked(watched: Watched) -> None:
    for path, query in BAD:
        answer = requests.get(watched.base_url + path, params=query | STREAM, timeout=30)
        assert answer.headers["Content-Type"] == "application/problem+json"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(f"{watched.base_url}/breaks-off?{MARK}", timeout=30)
    assert requests.get(f"{watched.base_url}/fails?{MARK}", timeout=30).status_code == 500
    assert watched.raw(f"GET {LIST}?search=Maria {MARK} HTTP/1.1").startswith(b"HTTP/1.1 400")
    assert watched.raw(f"GET {LIST} HTTP/1.1\r\nX {MARK}: x").startswith(b"HTTP/1.1 400")
    written = watched.end()
    assert MARK not in written
    assert "127.0.0.1" not in written, "whose address it was"
    # The log says what failed and where, so that an operator can find the cause.
    for told in ("ValueError", "failing_app.py", "InvalidHTTPVersion", "InvalidHeaderName"):
        assert told in written


def test_slow_readers_keep_half_of_the_threads_at_most(api: Any) -> None:
    """However they came past nginx, and also by POST, whose format nginx does not see."""
    ask = [api(None).get(LIST, STREAM), *(api(None).post(LIST, STREAM) for _ in range(1, HALF))]
    assert [one.status_code for one in ask] == [200] * HALF
    for one in (api(None).post(LIST, STREAM), api(None).get(TERMS, STREAM)):
        assert (one.status_code, one.json()["code"], one["Retry-After"]) == (429, "busy", "60")
    assert api(None).get(LIST).status_code == 200
    for one in ask:
        assert lines(one)
    assert lines(api(None).get(LIST, STREAM))


def test_a_stream_ends_in_time_however_slow_its_reader(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_S", 0.0)
    answer = api(None).get(LIST, STREAM)
    with pytest.raises(TimeoutError):
        lines(answer)
    answer.close()
