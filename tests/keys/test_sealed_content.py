"""What is written about her is sealed (ADR 0019): the database alone opens nothing, an altered row
opens nothing, and a bundle holds the keys of the released fields only, for one agency only."""

import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from permissions.audit import writer
from permissions.database import db_identity
from permissions.database.prepared_statements import RoundTrip, array_literal
from permissions.errors import NotVisible
from permissions.identity import credentials
from referrals import referral_lock
from referrals.packets import notes, packet
from tests.keys.marked_packet import MARKED, NOTE, RELEASED, open_packet, told
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, principal
from tests.support.people.sealed_packets import KEYS, bundle_of
from tests.support.people.sealed_packets import without_keys as without_keys  # a fixture
from tests.support.people.stories import Story, service_of

# -- At rest ---------------------------------------------------------------------------------------


def test_no_word_of_hers_stands_anywhere_in_the_database(
    story: Story, api: Any, superuser: Any
) -> None:
    told(story)
    assert open_packet(story).json()["packet"] == {name: MARKED[name] for name in RELEASED}
    story.answers("start_handoff", {"mode": "in_person"}).answers(
        "unable", {"code": "not_eligible"}
    )
    tables = rows(
        superuser,
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind = 'r' AND nspname IN ('public', 'sec')",
    )
    words = [*MARKED.values(), NOTE, "in_person", "not_eligible"]
    sought = [*words, *(word.encode().hex() for word in words)]
    for (table,) in tables:
        for word in sought:
            found = rows(superuser, f"SELECT FROM {table} t WHERE t::text LIKE %s", [f"%{word}%"])
            assert found == [], (table, word)


def test_the_same_word_twice_is_two_ciphertexts_under_two_keys(
    story: Story, superuser: Any
) -> None:
    story.accept().release(*RELEASED).packet(name="Same Same").packet(name="Same Same")
    sealed = {bytes(one) for (one,) in rows(superuser, "SELECT ciphertext FROM packet_field")}
    assert len(sealed) == 2
    assert open_packet(story).json()["packet"] == {"name": "Same Same"}


def test_keys_are_files_of_their_owner_alone_and_not_in_the_database(story: Story) -> None:
    told(story)
    files = [path for path in KEYS.rglob("*") if path.is_file()]
    assert KEYS / "root.key" in files
    assert {path.parent.name for path in files} >= {
        str(agency_id("ywca")),
        str(agency_id("police")),
    }
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    for folder in [KEYS, *(path for path in KEYS.rglob("*") if path.is_dir())]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder.name


# -- Altered rows are loud -------------------------------------------------------------------------


def swap_fields(superuser: Any, story: Story) -> None:
    swap(superuser, "packet_field", "field = 'name'", "field = 'phone'")


def swap_referrals(superuser: Any, story: Story) -> None:
    other = told(Story(story.api, story.service_id))
    swap(
        superuser,
        "packet_field",
        f"field = 'name' AND referral_id = '{story.id}'",
        f"field = 'name' AND referral_id = '{other.id}'",
    )


def swap(superuser: Any, table: str, one: str, other: str) -> None:
    ((first,),) = rows(superuser, f"SELECT ciphertext FROM {table} WHERE {one}")
    ((second,),) = rows(superuser, f"SELECT ciphertext FROM {table} WHERE {other}")
    assert bytes(first) != bytes(second)
    rows(superuser, f"UPDATE {table} SET ciphertext = %s WHERE {one}", [second])
    rows(superuser, f"UPDATE {table} SET ciphertext = %s WHERE {other}", [first])


def flip_a_bit(superuser: Any, story: Story) -> None:
    rows(
        superuser,
        "UPDATE packet_field SET ciphertext = set_byte(ciphertext, 20,"
        " get_byte(ciphertext, 20) # 1) WHERE field = 'phone'",
    )


def empty(superuser: Any, story: Story) -> None:
    rows(superuser, "UPDATE packet_field SET ciphertext = ''")


def lose_a_row(superuser: Any, story: Story) -> None:
    rows(superuser, "DELETE FROM packet_field WHERE field = 'phone'")


def give_the_senders_bundle(superuser: Any, story: Story) -> None:
    rows(
        superuser,
        "UPDATE packet_grant g SET key_bundle = s.key_bundle FROM packet_grant s"
        " WHERE s.referral_id = g.referral_id AND s.release_id IS NULL"
        " AND g.release_id IS NOT NULL",
    )


def give_another_referrals_bundle(superuser: Any, story: Story) -> None:
    other = told(Story(story.api, story.service_id))
    _version, bundle = bundle_of(superuser, other, "ywca")
    rows(
        superuser,
        "UPDATE packet_grant SET key_bundle = %s WHERE referral_id = %s AND release_id IS NOT NULL",
        [bundle, story.id],
    )


ALTERATIONS = (
    swap_fields,
    swap_referrals,
    flip_a_bit,
    empty,
    lose_a_row,
    give_the_senders_bundle,
    give_another_referrals_bundle,
)


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda one: one.__name__)
def test_an_altered_row_opens_nothing_and_says_so(
    story: Story, superuser: Any, alter: Callable[[Any, Story], None]
) -> None:
    told(story)
    alter(superuser, story)
    with capture_logs() as logs:
        answer = open_packet(story)
    assert_unsealing_failed(answer)
    assert ("not_answered", "unsealing_failed") in [(x["event"], x.get("error")) for x in logs]
    entries = rows(
        superuser,
        "SELECT decision, rule, purpose FROM access_entry WHERE request_id = %s ORDER BY at",
        [answer["X-Request-Id"]],
    )
    read = [("allowed", None, "intake")]  # the sealed rows left the database, if she had their keys
    refused = [("refused", "unsealing_failed", "intake")]
    unwrapped = alter not in (give_the_senders_bundle, give_another_referrals_bundle)
    assert entries == (read if unwrapped else []) + refused


def test_an_opening_that_opens_nothing_leaves_no_entry(story: Story, superuser: Any) -> None:
    told(story)
    who, about = principal(story.api("ywca.worker")), UUID(story.id)
    attempt = writer.LoggedAct(
        who, "referral.open_packet", about, datetime.now(UTC), purpose="intake"
    )
    nobodys = {"referral": about, "wanted": array_literal([uuid4()])}
    lock = referral_lock.shared_lock_query(about)
    with (
        db_identity.identified_transaction(who),
        pytest.raises(RuntimeError),
    ):  # not part of another transaction
        attempt.record_in_round_trip(
            lock, RoundTrip(packet.OPENED.text(), nobodys), fields=list(RELEASED)
        )
    found = attempt.record_in_round_trip(
        lock, RoundTrip(packet.OPENED.text(), nobodys), fields=list(RELEASED)
    )
    assert found == []
    assert not attempt.written
    entry = "SELECT FROM access_entry WHERE id = %s"
    assert rows(superuser, entry, [str(attempt.entry_id)]) == []
    hers = rows(superuser, "SELECT id FROM packet_field WHERE field = 'name'")
    wanted = {"referral": about, "wanted": array_literal([id_ for (id_,) in hers])}
    found = attempt.record_in_round_trip(
        lock, RoundTrip(packet.OPENED.text(), wanted), fields=list(RELEASED)
    )
    assert len(found) == 1
    assert len(rows(superuser, entry, [str(attempt.entry_id)])) == 1


@pytest.mark.parametrize("read", [packet.open_packet, notes.open_notes])
def test_whoever_is_signed_out_before_she_has_opened_it_finds_nothing(
    story: Story, superuser: Any, read: Callable[..., Any]
) -> None:
    told(story)
    caller = story.api("ywca.worker")
    who = principal(caller)
    credentials.end_credential(caller.secret)
    with pytest.raises(NotVisible):
        read(who, UUID(story.id), "intake")
    entry = "SELECT agency_id, decision, rule FROM access_entry WHERE referral_id = %s AND act = %s"
    about = [story.id, f"referral.{read.__name__}"]
    assert rows(superuser, entry, about) == [(None, "refused", "not_found")]


def test_a_swapped_note_opens_nothing_and_says_so(story: Story, superuser: Any) -> None:
    told(story).answers("add_note", {"text": "another of ours"})
    ours = rows(
        superuser, "SELECT id FROM note WHERE agency_id = %s ORDER BY id", [str(agency_id("ywca"))]
    )
    swap(superuser, "note", f"id = '{ours[0][0]}'", f"id = '{ours[1][0]}'")
    assert_unsealing_failed(
        story.api("ywca.worker").act(story.id, "open_notes", {"purpose": "review"})
    )


def assert_unsealing_failed(answer: Any) -> None:
    assert answer.status_code == 503
    body = answer.json()
    assert body["code"] == "unsealing_failed"
    assert body["safety_notice"]
    assert body["safety_lines"]
    assert "packet" not in body
    assert "items" not in body
    for value in (*MARKED.values(), NOTE):
        assert value not in answer.content.decode()


# -- Without the key store -------------------------------------------------------------------------


def test_without_the_key_store_nothing_is_read_and_nothing_half_written(
    story: Story, api: Any, superuser: Any, without_keys: Callable[[], None]
) -> None:
    told(story)
    fresh = Story(api, service_of("sarc"), recipient="sarc.worker").accept()
    count = (
        "SELECT (SELECT count(*) FROM packet_field), (SELECT count(*) FROM note),"
        " (SELECT count(*) FROM referral_event), (SELECT sum(version) FROM referral),"
        " (SELECT string_agg(state, '') FROM referral_side),"
        " (SELECT md5(string_agg(g::text, '')) FROM packet_grant g)"
    )
    fresh.release("name")
    before = rows(superuser, count)
    without_keys()
    for who, about, act, body in (
        ("ywca.worker", story, "open_packet", {"purpose": "intake"}),
        ("ywca.worker", story, "open_notes", {"purpose": "review"}),
        ("ywca.worker", story, "add_note", {"text": NOTE}),
        ("ywca.worker", story, "complete", {"outcome": "served"}),
        ("police.worker", story, "put_packet", {"packet": {"name": "Another"}}),
        ("police.worker", fresh, "put_packet", {"packet": {"name": "Another"}}),
        ("sarc.worker", fresh, "start_handoff", {"mode": "phone"}),
    ):
        answer = api(who).act(about.id, act, body)
        assert answer.status_code == 503, (act, answer.content)
        assert answer.json()["code"] == "key_store"
        assert answer.json()["safety_lines"]
    assert rows(superuser, count) == before
    # What needs no key still helps her.
    assert api("police.worker").act(story.id, "revoke_release").status_code == 200
