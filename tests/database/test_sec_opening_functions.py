"""Single conditions of `sec.current_opening` (R11): what an entry of this transaction opens, and to
whom. It is called directly, while a second referral of the same two agencies exists."""

from typing import Any

import pytest

from permissions.models import Client
from tests.support.ground.database import as_app, identify, opening, rolled_back
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import begun
from tests.support.proofs.sec_functions import changed


@pytest.mark.parametrize(
    ("acting", "weaker"),
    [
        (None, "permissions_membership SET roles = '{agency_admin}' WHERE id = %s"),
        ("ywca.worker", "permissions_client SET system_of_record = false WHERE agency_id = %s"),
    ],
)
def test_nothing_opens_to_who_works_no_longer_or_to_no_system_of_record(
    acting: str | None, weaker: str, api: Any, superuser: Any
) -> None:
    """sec.current_opening, whatever her entry says and whatever she is assigned to (R7, R15)."""
    one = begun(api)
    caller = api("ywca.client", acting) if acting else api("ywca.worker")
    as_it_is = weaker.replace("'{agency_admin}'", "roles").replace("false", "true")
    client = Client.objects.get(agency_id=agency_id("ywca")).id if acting else None
    whose = agency_id("ywca") if acting else member_id("ywca.worker")
    caller.get("/v1/referrals")  # she is signed in
    for change_, opens in ((as_it_is, True), (weaker, False)):
        with changed(superuser, change_, [str(whose)], caller) as cursor:
            columns = {"member_id": member_id("ywca.worker"), "client_id": client}
            cursor.execute(*opening("ywca.worker", one.id, "open_packet", **columns))
            cursor.execute("SELECT referral::text FROM sec.current_opening('referral.open_packet')")
            assert cursor.fetchone() == (one.id if opens else None,), change_


def test_an_entry_of_another_transaction_opens_nothing_here(api: Any, superuser: Any) -> None:
    """sec.current_opening: by the same member, and of this very moment (R11)."""
    one, caller = begun(api), api("ywca.worker")
    caller.get("/v1/referrals")  # she is signed in
    entry = opening("ywca.worker", one.id, "open_packet")
    with as_app(caller) as cursor:
        with superuser.cursor() as other:
            other.execute(*entry)
        cursor.execute("SELECT count(*) FROM packet_field")
        assert cursor.fetchone() == (0,)
        cursor.execute(*opening("ywca.worker", one.id, "open_packet"))
        cursor.execute("SELECT count(*) > 0 FROM packet_field")
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize(
    "otherwise",
    [
        {"act": "referral.read"},
        {"act": "referral.open_notes"},
        {"decision": "refused", "rule": "policy"},
        {"agency_id": agency_id("police")},
        {"member_id": member_id("ywca.lead")},
        {"client_id": member_id("ywca.worker2")},  # any other than who asks
        {"purpose": "receive_service"},
        {"release_id": member_id("ywca.worker")},  # any other than the grant's
    ],
    ids=lambda one: next(iter(one)),
)
def test_an_entry_that_says_otherwise_opens_nothing(
    otherwise: dict[str, Any], api: Any, superuser: Any
) -> None:
    """sec.current_opening: the caller's own, of this act, allowed, for a purpose of use, of this
    release where it names one."""
    one, caller = begun(api), api("ywca.worker")
    caller.get("/v1/referrals")  # she is signed in
    for columns, opens in ((otherwise, False), ({}, True)):
        with rolled_back(superuser) as cursor:
            identify(cursor, caller)
            cursor.execute(*opening("ywca.worker", one.id, "open_packet", **columns))
            cursor.execute("SELECT referral::text FROM sec.current_opening('referral.open_packet')")
            assert cursor.fetchone() == (one.id if opens else None,)


@pytest.mark.parametrize(
    ("what", "opens"),
    [
        ("release SET ended = true WHERE referral_id = %(one)s", False),
        ("release SET expires_at = now() WHERE referral_id = %(one)s", False),
        ("release SET ended = true WHERE referral_id = %(other)s", True),
        ("packet_grant SET closed = true WHERE referral_id = %(one)s", False),
        ("packet_grant SET opened_at = NULL WHERE referral_id = %(one)s", False),
        ("packet_grant SET expires_at = now() WHERE referral_id = %(one)s", False),
        ("packet_grant SET closed = true WHERE referral_id = %(other)s", True),
        ("referral_side SET state = 'stopped' WHERE referral_id = %(one)s AND %(mine)s", False),
        ("referral_side SET state = 'stopped' WHERE referral_id = %(one)s AND NOT %(mine)s", True),
        ("referral_side SET state = 'stopped' WHERE referral_id = %(other)s", True),
        ("referral SET to_purged = true WHERE id = %(one)s", False),
        ("referral SET to_purged = true WHERE id = %(other)s", True),
        ("referral SET from_purged = true WHERE id = %(one)s", True),
    ],
)
def test_it_opens_what_this_referrals_grant_and_release_say(
    what: str, opens: bool, api: Any, superuser: Any
) -> None:
    """sec.current_opening, while grant, release and purge of another referral differ."""
    one, other, caller = begun(api), begun(api), api("ywca.worker")
    caller.get("/v1/referrals")  # she is signed in
    mine = f"(agency_id = '{agency_id('ywca')}')"
    statement = what.replace("%(mine)s", mine)
    values = {"one": one.id, "other": other.id}
    with changed(superuser, statement, values, caller) as cursor:
        cursor.execute(*opening("ywca.worker", one.id, "open_packet"))
        cursor.execute("SELECT referral::text FROM sec.current_opening('referral.open_packet')")
        assert cursor.fetchone() == (one.id if opens else None,)


@pytest.mark.parametrize(
    ("gone", "opens"), [("from_purged", False), ("to_purged", True), ("has_block", True)]
)
def test_the_senders_own_opens_to_her_until_her_part_has_gone(
    gone: str, opens: bool, api: Any, superuser: Any
) -> None:
    """sec.current_opening, of a packet that still stands for the other side."""
    one, caller = begun(api), api("police.worker")
    caller.get("/v1/referrals")  # she is signed in
    with changed(
        superuser, f"referral SET {gone} = true WHERE id = %s", [one.id], caller
    ) as cursor:
        cursor.execute(*opening("police.worker", one.id, "open_packet"))
        cursor.execute("SELECT referral::text FROM sec.current_opening('referral.open_packet')")
        assert cursor.fetchone() == (one.id if opens else None,)


def test_where_she_could_not_say_notes_open_and_a_packet_by_a_release_since(
    api: Any, superuser: Any
) -> None:
    """sec.current_opening (R14): a release that came before it was sent is no word of hers."""
    one, caller = begun(api), api("ywca.worker")
    caller.get("/v1/referrals")  # she is signed in
    cannot_say = "referral SET agreement = 'cannot_say' WHERE id = %s"
    with changed(superuser, cannot_say, [one.id], caller) as cursor:
        for act in ("open_notes", "open_packet"):
            cursor.execute(*opening("ywca.worker", one.id, act))

        def opens(act: str) -> bool:
            cursor.execute(
                "SELECT referral::text FROM sec.current_opening(%s)", [f"referral.{act}"]
            )
            return bool(cursor.fetchone() == (one.id,))

        assert opens("open_packet")
        assert opens("open_notes")
        cursor.execute("UPDATE release SET created_at = created_at - interval '1 day'")
        assert not opens("open_packet")
        assert opens("open_notes")
