"""`check --deploy` on the folder of keys and on Vault."""

from pathlib import Path

import pytest
from django.test import override_settings

from permissions.health import key_checks
from permissions.keys.keystore import key_store
from tests.keys.stores import openbao as openbao  # a fixture
from tests.support.servers.openbao import OpenBao

pytestmark = pytest.mark.static

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:45 / /srv/cairn rw,relatime - nfs4 store:/cairn rw,vers=4.2,{options}
31 22 0:46 / /srv/with\040space rw - cifs //store/keys rw,vers=3.1.1
32 22 0:47 / /srv/ended
"""


def trouble(options: str) -> str:
    table = MOUNTS.format(options=options)
    return key_checks.trouble_of(key_checks.mount_of(Path("/srv/cairn/keys"), table))


def test_a_folder_is_found_on_its_own_mount() -> None:
    table = MOUNTS.format(options="hard")
    kinds = {
        folder: key_checks.mount_of(Path(folder), table).kind
        for folder in ("/srv/cairn", "/srv/cairns", "/srv/with space/keys", "/var/keys")
    }
    assert kinds == {
        "/srv/cairn": "nfs4",
        "/srv/cairns": "ext4",
        "/srv/with space/keys": "cifs",
        "/var/keys": "ext4",
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (key_checks.NEEDED, ""),
        ("hard,noac", ""),
        ("hard", "old contents"),
        ("hard,acregmax=3,acdirmax=3", "old contents"),
        ("hard,lookupcache=none", "old contents"),
        (f"{key_checks.NEEDED},nolock", "locks"),
        (f"{key_checks.NEEDED},local_lock=flock", "locks"),
        ("soft,noac", "is lost"),
    ],
)
def test_a_network_file_system_is_taken_with_the_options_of_the_runbook_alone(
    options: str, words: str
) -> None:
    found = trouble(options)
    assert words in found
    assert bool(found) == bool(words)


def test_this_machines_own_disk_is_well() -> None:
    assert key_checks.folder_can_be_shared() == []
    assert key_checks.vault_goes_on() == []


def test_a_token_of_vault_that_ends_or_may_everything_is_said(
    openbao: OpenBao, tmp_path: Path
) -> None:
    openbao.policy_of("checked", "web")
    tokens = {
        "ends in 1 hours": openbao.token("checked", ttl="119m", renewable=False),
        "may do everything": openbao.root,
        "does not answer": "invented",
        "": openbao.token("checked", period="24h"),
    }
    for words, token in tokens.items():
        (tmp_path / "token").write_text(token)
        store = {
            "class": "permissions.keys.vault.VaultKeyStore",
            "address": openbao.address,
            "token_file": str(tmp_path / "token"),
        }
        key_store.cache_clear()
        try:
            with override_settings(KEY_STORE=store):
                found = key_checks.vault_goes_on()
                key_store().client.adapter.close()  # type: ignore[attr-defined]
        finally:
            key_store.cache_clear()
        assert [(one.id, words in one.msg) for one in found] == (
            [("permissions.E032", True)] if words else []
        )
