"""Single conditions of the functions that change a release after it was given, or store a return:
each is called by itself, and a second referral of the same two agencies must stay as it is."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, scoped
from tests.support.people.stories import Story, begun, return_body, service_of
from tests.support.proofs.sec_functions import call, change, refused, release_of

NARROW = "SELECT sec.narrow_release(%s, %s, %s, 1, 'a bundle')"
RETURN = "SELECT sec.store_returned(gen_random_uuid(), %s, 1, 'a bundle', 'sealed')"
SOON = datetime.now(UTC) + timedelta(hours=1)
RELEASES = "SELECT referral_id::text FROM release WHERE fields = %s AND expires_at = %s"
GRANTS = (
    "SELECT referral_id::text, fields, key_bundle = 'a bundle', closed FROM packet_grant"
    " WHERE release_id IS NOT NULL AND expires_at = %s"
)


def test_a_release_is_narrowed_by_whoever_answers_for_it(api: Any, superuser: Any) -> None:
    """sec.narrow_release"""
    Story(api, service_of("sarc"), sender="hospital.worker").send()
    one, other = begun(api), begun(api)
    one.answers("put_return_release", return_body())
    sent = Story(api, service_of("ywca")).create().release("name", "phone").send()
    release, fields = release_of(superuser, one), ["name", "phone"]
    later = SOON + timedelta(days=30)
    for caller, values in (
        ("hospital.lead", [release, fields, SOON]),
        ("police.worker2", [release, fields, SOON]),
        ("ywca.worker2", [release, fields, SOON]),
        ("police.client", [release, fields, SOON]),
        ("police.worker", [str(uuid4()), fields, SOON]),
        ("ywca.worker", [release_of(superuser, one, "return"), ["connected"], SOON]),
        ("police.worker", [release, [*fields, "health"], SOON]),
        ("police.worker", [release, [], SOON]),
        ("police.worker", [release, fields, later]),
        ("ywca.lead", [release_of(superuser, sent), ["name"], SOON]),
    ):
        assert refused(api(caller), NARROW, *values), (caller, values)
    reading = scoped(api, "referrals:read", "packets:read", acting="ywca.lead")
    assert refused(reading, NARROW, release, fields, SOON)
    change(superuser, "release SET ended = true WHERE id = %s", release_of(superuser, other))
    assert refused(api("police.worker"), NARROW, release_of(superuser, other), fields, SOON)
    change(superuser, "release SET ended = false WHERE id = %s", release_of(superuser, other))
    call(api("police.lead"), "narrow_release", release, fields, SOON, None, None)
    assert rows(superuser, RELEASES, [fields, SOON]) == [(one.id,)]
    assert [row[0] for row in rows(superuser, GRANTS, [SOON])] == [one.id]
    call(api("ywca.worker"), "narrow_release", release, ["name"], SOON, None, None)
    assert rows(superuser, RELEASES, [["name"], SOON]) == [(one.id,)]


def test_the_grant_of_a_release_is_narrowed_with_it_and_no_other(api: Any, superuser: Any) -> None:
    """sec.narrow_release: within what is left, it keeps its keys; else it gets what the caller
    wrapped, or is destroyed. One that was closed stays so."""
    one = begun(api)
    release, sender = release_of(superuser, one), api("police.worker")
    change(superuser, "packet_grant SET fields = '{name}' WHERE release_id IS NOT NULL")
    change(superuser, "packet_grant SET closed = true WHERE release_id IS NOT NULL")
    call(sender, "narrow_release", release, ["name", "phone"], SOON, 1, b"a bundle")
    assert rows(superuser, GRANTS, [SOON]) == [], "it was closed"
    change(superuser, "packet_grant SET closed = false WHERE release_id IS NOT NULL")
    call(sender, "narrow_release", release, ["name", "phone"], SOON, 1, b"a bundle")
    assert rows(superuser, GRANTS, [SOON]) == [(one.id, ["name"], False, False)], "its own keys"
    change(superuser, "packet_grant SET fields = '{name,phone}' WHERE release_id IS NOT NULL")
    sooner = SOON - timedelta(minutes=1)
    change(superuser, "packet_grant SET closed = true WHERE release_id IS NOT NULL")
    call(sender, "narrow_release", release, ["name"], sooner, 1, b"a bundle")
    assert rows(superuser, GRANTS, [sooner]) == []
    change(superuser, "packet_grant SET closed = false WHERE release_id IS NOT NULL")
    call(sender, "narrow_release", release, ["name"], sooner, 1, b"a bundle")
    assert rows(superuser, GRANTS, [sooner]) == [(one.id, ["name"], True, False)]
    own = "SELECT FROM packet_grant WHERE release_id IS NULL AND key_bundle <> 'a bundle'"
    assert len(rows(superuser, own)) == 1, "the sender's own is as it was"


def test_the_grant_of_a_newer_release_stays(api: Any, superuser: Any) -> None:
    """sec.narrow_release, of the one before, by either of its ways."""
    one, sender = begun(api), api("police.worker")
    old = release_of(superuser, one)
    one.release("name", "phone", "safe_contact")
    one.packet(name="a name", phone="406-555-0171")
    change(superuser, "release SET ended = false WHERE id = %s", old)
    before = rows(superuser, "SELECT * FROM packet_grant ORDER BY id")
    for fields in (["name", "phone", "safe_contact"], ["phone"]):
        call(sender, "narrow_release", old, fields, SOON, 1, b"a bundle")
        assert rows(superuser, "SELECT * FROM packet_grant ORDER BY id") == before


def test_what_goes_back_is_put_under_a_return_release_in_force(api: Any, superuser: Any) -> None:
    """sec.store_returned, by the recipient's assignee; in place of what went back of this one."""
    one, other = (begun(api).answers("put_return_release", return_body()) for _ in range(2))
    release, recipient = release_of(superuser, one, "return"), api("ywca.worker")
    for caller, by in (
        ("police.worker", release_of(superuser, one)),
        ("police.worker", release),
        ("ywca.worker2", release),
        ("ywca.lead", release),
        ("ywca.client", release),
        ("ywca.worker", str(uuid4())),
    ):
        assert refused(api(caller), RETURN, by), caller
    for over, again in (
        ("ended = true", "ended = false"),
        ("expires_at = now()", "expires_at = now() + interval '1 day'"),
    ):
        change(superuser, f"release SET {over} WHERE id = %s", release)
        assert refused(recipient, RETURN, release), over
        change(superuser, f"release SET {again} WHERE id = %s", release)
    call(recipient, "store_returned", uuid4(), release, 1, b"a bundle", b"sealed")
    shown = "SELECT referral_id::text, agency_id::text, ciphertext = 'sealed' FROM returned"
    police = str(agency_id("police"))
    assert set(rows(superuser, f"{shown} WHERE key_bundle IS NOT NULL")) == {
        (one.id, police, True),
        (other.id, police, False),
    }


def test_a_release_is_looked_up_by_who_may_see_its_referral(api: Any, superuser: Any) -> None:
    """sec.visible_release_id: the release itself, not the next below. Whether it is shown to the
    side, its policy says."""
    one, other = begun(api), begun(api)
    release = release_of(superuser, one)
    for who, seen in (
        ("police.worker", True),
        ("police.client", True),
        ("ywca.worker2", True),
        ("ywca.auditor", False),
        ("ywca.admin", False),
        ("hospital.worker", False),
        (None, False),
    ):
        assert (call(api(who), "visible_release_id", release) is not None) == seen, who
    only_events = scoped(api, "events:read", acting="ywca.worker")
    assert call(only_events, "visible_release_id", release) is None
    one.sends("block", {"other_agency": True})
    assert call(api("ywca.worker"), "visible_release_id", release) is None
    assert call(api("ywca.worker"), "visible_release_id", release_of(superuser, other)) is not None
    for random in (uuid4(), UUID(int=2**128 - 1), UUID(int=0)):
        assert call(api("police.worker"), "visible_release_id", random) is None
