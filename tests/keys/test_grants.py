"""Bundles of keys that do not hold what was asked of them: each ends in words of ours, none in an
endless reading again."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, Unavailable
from permissions.keys import grants, keystore
from permissions.keys.grants import GrantView
from permissions.keys.keystore import KeyGone, seal, unseal
from referrals.packets import notes, packet
from referrals.sealed_notes import seal_context
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import principal
from tests.support.people.stories import PACKET, Story

GONE = 1_000  # a version that never was, or is no more


@pytest.fixture
def told(story: Story) -> Story:
    return story.accept().release(*PACKET).packet(**PACKET).answers("add_note", {"text": "a note"})


def held(referral_id: UUID, version: int | None, bundle: bytes | None) -> GrantView:
    return GrantView(referral_id, None, list(PACKET), None, version, bundle, None)


def at_version(superuser: Any, table: str, version: int) -> None:
    rows(superuser, f"UPDATE {table} SET kek_version = %s WHERE key_bundle IS NOT NULL", [version])


@pytest.fixture
def destroyed(told: Story, superuser: Any) -> Iterator[int]:
    """Every bundle is wrapped by a version of which the store remembers that it was destroyed."""
    store = keystore.key_store()
    folder = store.folder  # type: ignore[attr-defined]
    made = []
    for agency in (one for one in folder.iterdir() if one.is_dir() and len(one.name) == 36):
        tomb = agency / f"{GONE}.gone"
        tomb.write_bytes(b"")
        made.append(tomb)
    for table in ("packet_grant", "private_key"):
        at_version(superuser, table, GONE)
    yield GONE
    for tomb in made:
        tomb.unlink()


def test_a_bundle_whose_key_was_destroyed_says_so(told: Story, destroyed: int, api: Any) -> None:
    for act in ("open_packet", "open_notes"):
        answer = api("ywca.worker").act(told.id, act, {"purpose": "service"})
        assert (answer.status_code, answer.json()["code"]) == (503, "key_gone"), act


def test_a_bundle_that_is_no_more_opens_nothing(told: Story, destroyed: int, api: Any) -> None:
    who = principal(api("ywca.worker"))
    with identified_transaction(who):
        assert grants.open_bundle(who, held(UUID(told.id), 1, None)) == {}
        assert grants.open_bundle(who, held(UUID(told.id), None, b"of no version")) == {}
        with pytest.raises(KeyGone):  # read a moment ago, and gone from the table since
            grants.open_bundle(who, held(uuid4(), GONE, b"of a referral that there is not"))


def test_what_a_rotation_rewrapped_meanwhile_is_read_again(told: Story, api: Any) -> None:
    """The bundle that was read names a version that is gone; the table has it under another."""
    who = principal(api("ywca.worker"))
    store = keystore.key_store()
    tomb = store.folder / str(who.agency_id) / f"{GONE}.gone"  # type: ignore[attr-defined]
    tomb.write_bytes(b"")
    try:
        with identified_transaction(who):
            found = grants.open_bundle(who, held(UUID(told.id), GONE, b"as it was"))
    finally:
        tomb.unlink()
    assert set(found) == set(PACKET)


def test_a_release_of_more_than_was_written_can_be_narrowed(story: Story, api: Any) -> None:
    """Fields that she allowed, and that nobody wrote, have no key."""
    story.accept().release("name", "phone", "health").packet(name="Invented Person")
    answer = api("police.worker").act(story.id, "narrow_release", {"fields": ["name", "phone"]})
    assert answer.status_code == 200, answer.content
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "service"}).json()
    assert opened["packet"] == {"name": "Invented Person"}


def test_what_was_sealed_as_one_kind_opens_as_no_other() -> None:
    """The same id, the same key, the same name: a row put into another table is loud."""
    key, row = AESGCM.generate_key(256), uuid4()
    kinds = ("packet_field", "note")
    for kind in kinds:
        sealed = seal(key, b"invented", seal_context(kind, row, "text"))
        assert unseal(key, sealed, seal_context(kind, row, "text")) == b"invented"
        (other,) = {*kinds} - {kind}
        with pytest.raises(Unavailable):
            unseal(key, sealed, seal_context(other, row, "text"))


def test_a_purpose_of_no_list_opens_nothing_whoever_passes_it_on(told: Story, api: Any) -> None:
    with pytest.raises(BadRequest) as refusal:
        packet.open_packet(principal(api("ywca.worker")), UUID(told.id), "curiosity")
    assert refusal.value.code == "unknown_code"


@pytest.mark.parametrize("text", ["", " \n", "x" * (notes.MAX_NOTE_CHARS + 1)])
def test_a_note_of_no_length_or_too_long_is_refused_whoever_passes_it_on(
    text: str, api: Any
) -> None:
    with pytest.raises(BadRequest) as refusal:
        notes.add_note(principal(api("ywca.worker")), uuid4(), text)
    assert refusal.value.code == "note_length"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "fields_missing"),
        ({"shoe_size": "9"}, "unknown_field"),
        ({"name": " "}, "field_length"),
        ({"name": "x" * 4_001}, "field_length"),
    ],
)
def test_a_packet_of_another_shape_is_refused_whoever_passes_it_on(
    fields: dict[str, str], code: str, api: Any
) -> None:
    """The API and the desk look at it first; this is the room of the packet itself."""
    with pytest.raises(BadRequest) as refusal:
        packet.put_packet(principal(api("police.worker")), uuid4(), fields)
    assert refusal.value.code == code
