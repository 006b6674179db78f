"""Each kind of key store, and an agency with a key in it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from permissions.keys.keystore import FileKeyStore, KeyStore
from permissions.keys.vault import VaultKeyStore
from permissions.principal import Principal
from tests.support.servers.openbao import OpenBao

PLAIN = b"the keys of a packet"
NOBODY = Principal(
    agency_id=uuid4(),
    member_id=None,
    person_id=None,
    client_id=uuid4(),
    roles=frozenset(),
    scopes=frozenset(),
    agency_kind="social_service",
    duties=frozenset(),
    system_of_record=False,
    token_hash="",
)


def of(agency: UUID) -> Principal:
    return replace(NOBODY, agency_id=agency)


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """A real server with Vault's API."""
    server = OpenBao(tmp_path_factory.mktemp("openbao") / "server")
    yield server
    server.kill()


@pytest.fixture(params=["file", "vault"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyStore]:
    made: KeyStore
    if request.param == "file":
        made = FileKeyStore(str(tmp_path / "keys"))
        made.begin()
        yield made
        return
    if address := os.environ.get("CAIRN_TEST_VAULT_ADDR"):
        made = VaultKeyStore(address, os.environ["CAIRN_TEST_VAULT_TOKEN_FILE"])
    else:
        made = request.getfixturevalue("openbao").store()
    made.begin()
    yield made
    made.client.adapter.close()


@pytest.fixture
def agency(store: KeyStore) -> UUID:
    agency = uuid4()
    assert store.begin_version(agency) == 1
    return agency
