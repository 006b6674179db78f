"""Keys and bundles of sealed packets."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from permissions.keys import grants
from permissions.keys.keystore import key_store
from permissions.models import Grant
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import Caller, agency_id, principal
from tests.support.people.stories import Story

KEYS = Path(settings.KEY_STORE["folder"])


def bundle_of(superuser: Any, story: Story, key: str) -> tuple[int | None, bytes | None]:
    ((version, bundle),) = rows(
        superuser,
        "SELECT kek_version, key_bundle FROM packet_grant"
        " WHERE referral_id = %s AND agency_id = %s",
        [story.id, str(agency_id(key))],
    )
    return version, bundle and bytes(bundle)


def keys_in(superuser: Any, story: Story, caller: Caller) -> set[str]:
    """The fields whose keys are in the bundle of the caller's agency, unwrapped as that agency."""
    who = principal(caller)
    key = caller.who.split(".")[0]
    version, bundle = bundle_of(superuser, story, key)
    grant = Grant(referral_id=UUID(story.id), kek_version=version, key_bundle=bundle)
    return set(grants.open_bundle(who, grant))


@contextmanager
def destroyed(key: str) -> Iterator[None]:
    """The version that all of an agency's is wrapped by is gone for a while, past every rule."""
    folder = Path(settings.KEY_STORE["folder"]) / str(agency_id(key))
    now = max(int(path.stem) for path in folder.glob("*.kek"))
    kept = (folder / f"{now}.kek").read_bytes()
    key_store().begin_version(agency_id(key))
    key_store().destroy(agency_id(key), now)
    try:
        yield
    finally:
        (folder / f"{now}.gone").unlink()
        (folder / f"{now}.kek").touch(0o600)
        (folder / f"{now}.kek").write_bytes(kept)


@pytest.fixture
def without_keys() -> Iterator[Callable[[], None]]:
    """The key store's folder is gone until the test ends: `without_keys()`."""
    aside = KEYS.with_name(f"{KEYS.name}-aside-{os.getpid()}")

    def lose() -> None:
        KEYS.rename(aside)

    yield lose
    if aside.exists():
        assert not KEYS.exists(), "a lost key store was silently made again"
        aside.rename(KEYS)
