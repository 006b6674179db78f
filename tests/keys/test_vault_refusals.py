"""What a Vault answers that lacks an engine or a key, or refuses."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from permissions.errors import Unavailable
from permissions.keys.keystore import KeyStore, NoKey, Wrapped
from tests.keys.stores import NOBODY, PLAIN

pytestmark = pytest.mark.static


class Refusing(ThreadingHTTPServer):
    """Refuses whatever it is asked, with this status and these words of Vault's."""

    answer: tuple[int, list[str]]


class _Refusal(BaseHTTPRequestHandler):
    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert isinstance(self.server, Refusing)
        status, words = self.server.answer
        body = json.dumps({"errors": words}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_LIST = _refuse  # noqa: N815 (the library's names)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    with Refusing(("127.0.0.1", 0), _Refusal) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def vault(refusing: Refusing, tmp_path: Path) -> Iterator[KeyStore]:
    """The store as it is, and its own client library, before a server that refuses."""
    from permissions.keys.vault import VaultKeyStore

    token = tmp_path / "token"
    token.write_text("invented")
    made = VaultKeyStore(f"http://127.0.0.1:{refusing.server_port}", str(token))
    yield made
    made.client.adapter.close()


NOT_MOUNTED = 'no handler for route "transit/keys/x". route entry not found.'
ACTS: dict[str, Callable[[KeyStore], object]] = {
    "begin": lambda store: store.begin(),
    "begin_version": lambda store: store.begin_version(uuid4()),
    "versions": lambda store: store.versions(uuid4()),
    "wrap": lambda store: store.wrap(uuid4(), PLAIN, "here"),
    "unwrap": lambda store: store.unwrap(NOBODY, Wrapped(1, b"vault:v1:eA=="), "here"),
    "rewrap": lambda store: store.rewrap(uuid4(), Wrapped(1, b"vault:v1:eA==")),
    "destroy": lambda store: store.destroy(uuid4(), 1),
    "sign": lambda store: store.sign(b"a checkpoint"),
    "signing_keys": lambda store: store.signing_keys(),
    "begin_signing_key": lambda store: store.begin_signing_key(),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_engine_that_is_not_mounted_is_a_store_that_is_away(
    refusing: Refusing, vault: KeyStore, act: str
) -> None:
    """It is never taken for a store without keys: keys would be made again, or taken for ended."""
    refusing.answer = (404, [NOT_MOUNTED])
    with pytest.raises(Unavailable) as refusal:
        ACTS[act](vault)
    assert refusal.value.code == "key_store"


def test_an_engine_without_a_key_of_the_agency_says_so(refusing: Refusing, vault: KeyStore) -> None:
    refusing.answer = (404, [])
    assert ACTS["versions"](vault) == []
    assert ACTS["signing_keys"](vault) == {}
    with pytest.raises(NoKey):
        ACTS["wrap"](vault)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("encryption key not found", "key_store"),
        ("missing client token", "key_store"),  # its file is empty while an agent renews it
        ("no batch input found", "key_store"),
        ("invalid ciphertext: version is too new", "key_store"),
        ("ciphertext or signature version is disallowed by policy (too old)", "key_gone"),
        ("cipher: message authentication failed", "unsealing_failed"),
        ("invalid ciphertext: no prefix", "unsealing_failed"),
    ],
)
@pytest.mark.parametrize("act", ["unwrap", "rewrap"])
def test_a_key_that_was_lost_is_no_content_that_was_altered(
    refusing: Refusing, vault: KeyStore, act: str, words: str, code: str
) -> None:
    refusing.answer = (400, [words])
    with pytest.raises(Unavailable) as refusal:
        ACTS[act](vault)
    assert refusal.value.code == code


def test_a_signing_key_that_was_lost_is_a_store_that_is_away(
    refusing: Refusing, vault: KeyStore
) -> None:
    refusing.answer = (400, ["signing key not found"])
    with pytest.raises(Unavailable) as refusal:
        ACTS["sign"](vault)
    assert refusal.value.code == "key_store"
