"""A real OpenBao as the key store: the rights that the RUNBOOK gives each process, tokens that are
renewed, end and are replaced, a server that is sealed, killed, or answers nothing."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from permissions.errors import Unavailable
from permissions.keys import vault
from permissions.keys.keystore import KeyGone, KeyStore, NoKey
from permissions.keys.vault import VaultKeyStore
from permissions.keys.wrapping import WEBHOOK_KEY_OWNER
from tests.keys.stores import PLAIN, of
from tests.keys.stores import openbao as openbao  # a fixture
from tests.support.servers.openbao import OpenBao

pytestmark = pytest.mark.static

Stores = Callable[..., VaultKeyStore]


@pytest.fixture
def process(openbao: OpenBao) -> Iterator[Stores]:
    """The store of a process with the rights that the RUNBOOK gives it."""
    made: list[VaultKeyStore] = []

    def store(*processes: str) -> VaultKeyStore:
        name = f"p{len(made)}"
        openbao.policy_of(name, *processes)
        made.append(openbao.store(openbao.token(name)))
        return made[-1]

    yield store
    for one in made:
        one.client.adapter.close()


def refused(act: Callable[[], object]) -> None:
    with pytest.raises(Unavailable) as refusal:
        act()
    assert refusal.value.code == "key_store"
    assert not isinstance(refusal.value, KeyGone)


def test_each_process_can_do_its_work_with_the_rights_of_the_runbook_and_no_more(
    openbao: OpenBao, process: Stores
) -> None:
    migrate, web = process("migrate"), process("web")
    worker, ledger = process("worker run"), process("ledger")
    migrate.begin()
    agency = uuid4()
    for one in (agency, WEBHOOK_KEY_OWNER):
        with pytest.raises(NoKey):
            web.wrap(one, PLAIN, "here")
        assert web.begin_version(one) == 1
    first = web.wrap(agency, PLAIN, "here")
    assert web.unwrap(of(agency), first, "here") == PLAIN
    secret = web.wrap(WEBHOOK_KEY_OWNER, PLAIN, "here")
    assert worker.unwrap(of(WEBHOOK_KEY_OWNER), secret, "here") == PLAIN
    refused(lambda: worker.unwrap(of(agency), first, "here"))
    refused(lambda: worker.wrap(agency, PLAIN, "here"))
    refused(lambda: worker.begin_version(uuid4()))
    refused(lambda: web.begin_version(agency))
    assert worker.begin_version(agency) == 2
    second = worker.rewrap(agency, first)
    refused(lambda: web.destroy(agency, 1))
    worker.destroy(agency, 1)
    assert worker.versions(agency) == [2]
    assert web.unwrap(of(agency), second, "here") == PLAIN
    with pytest.raises(KeyGone):
        web.unwrap(of(agency), first, "here")
    for one in (web, worker, ledger):
        assert one.sign(b"a checkpoint").key_id in one.signing_keys()
    refused(web.begin_signing_key)
    assert ledger.begin_signing_key() == list(web.signing_keys())[-1]


def test_a_killed_end_of_a_version_is_made_whole_by_the_next(openbao: OpenBao) -> None:
    """Killed between the refusal of the version and its end."""
    store, agency = openbao.store(), uuid4()
    store.begin_version(agency)
    first = store.wrap(agency, PLAIN, "here")
    store.begin_version(agency)
    path = f"transit/keys/cairn-{agency}"
    openbao.ask(
        "POST", f"{path}/config", {"min_decryption_version": 2, "min_encryption_version": 2}
    )
    with pytest.raises(KeyGone):
        store.unwrap(of(agency), first, "here")
    assert store.versions(agency) == [2]
    store.destroy(agency, 1)
    assert openbao.ask("GET", path)["data"]["min_available_version"] == 2


def test_a_server_that_is_sealed_killed_or_started_again_is_away_and_then_as_before(
    openbao: OpenBao,
) -> None:
    store, agency = openbao.store(), uuid4()
    store.begin_version(agency)
    first = store.wrap(agency, PLAIN, "here")

    def is_away() -> None:
        for act in (
            lambda: store.wrap(agency, PLAIN, "here"),
            lambda: store.unwrap(of(agency), first, "here"),
            lambda: store.versions(agency),
            lambda: store.begin_version(agency),
            lambda: store.begin_version(uuid4()),
            lambda: store.sign(b"a checkpoint"),
        ):
            refused(act)
        store.tend()

    openbao.seal()
    is_away()
    openbao.unseal()
    assert store.unwrap(of(agency), first, "here") == PLAIN
    openbao.kill()
    is_away()
    openbao.start()
    is_away()  # it begins sealed
    openbao.unseal()
    assert store.unwrap(of(agency), first, "here") == PLAIN
    assert store.versions(agency) == [1]


def test_a_token_is_renewed_before_its_time_is_half_over(openbao: OpenBao) -> None:
    openbao.policy_of("renewed", "web")
    store = openbao.store(openbao.token("renewed", ttl="2h", renewable=True))
    store.tend()
    assert 7000 < store.token().ends_in_s <= 7200
    store._ask(lambda _: store.client.auth.token.renew_self(increment="60s"))
    assert store.token().ends_in_s <= 60
    store.tend()
    assert store.token().ends_in_s <= 60, "it was looked at a moment ago"
    store._look_at = 0.0
    store.tend()
    assert store.token().ends_in_s > 7000


def test_a_token_that_ended_is_a_store_that_is_away_until_another_is_in_the_file(
    openbao: OpenBao,
) -> None:
    openbao.policy_of("ends", "web")
    store = openbao.store(token := openbao.token("ends"))
    agency = uuid4()
    store.begin_version(agency)
    wrapped = store.wrap(agency, PLAIN, "here")
    openbao.ask("POST", "auth/token/revoke", {"token": token})
    refused(lambda: store.unwrap(of(agency), wrapped, "here"))
    store.tend()
    store.token_file.write_text("")
    refused(lambda: store.unwrap(of(agency), wrapped, "here"))
    store.token_file.write_text(f"{openbao.token('ends')}\n")
    assert store.unwrap(of(agency), wrapped, "here") == PLAIN


def test_a_server_that_answers_nothing_is_away_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vault.TIMEOUT_S <= 5
    monkeypatch.setattr(vault, "TIMEOUT_S", 0.2)
    (tmp_path / "token").write_text("invented")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store: KeyStore = VaultKeyStore(f"http://127.0.0.1:{port}", str(tmp_path / "token"))
        refused(lambda: store.versions(UUID(int=1)))
