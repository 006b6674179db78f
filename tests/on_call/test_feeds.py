"""The secret address of a member's calendar: what it shows, and everything that ends it."""

from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar

from permissions.enrollment import members
from permissions.errors import NotPermitted, NotVisible, Unavailable
from referrals import models as m
from referrals.on_call import calendar_files, changes, feeds
from tests.support.people.callers import agency_id, member_id
from tests.support.people.rota import now, principal, set_rotation


def opens(secret: str) -> bool:
    try:
        feeds.read(secret)
    except NotVisible:
        return False
    return True


def test_a_feed_shows_names_and_hours_of_the_own_agency_alone(api: Any) -> None:
    set_rotation(api)
    secret = feeds.make(principal(api, "ywca.worker"))
    feed = feeds.read(secret)
    written = calendar_files.written(feed.agency_name, agency_id("ywca"), feed.spans, feed.names)
    again = calendar_files.written(feed.agency_name, agency_id("ywca"), feed.spans, feed.names)
    assert written == again
    events = Calendar.from_ical(written).walk("VEVENT")
    titles = {str(one["summary"]) for one in events}
    names = ("Yve Example", "Yoko Specimen", "Yara Sample")
    assert titles == {f"{kind}: {name}" for kind in ("First", "Second") for name in names}
    known = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "TRANSP"}
    assert {key for one in events for key in one} == known


def test_each_reading_is_an_entry_of_the_member(api: Any, superuser: Any) -> None:
    secret = feeds.make(principal(api, "ywca.worker"))
    asked = "SELECT count(*) FROM access_entry WHERE act = 'rota.read_feed' AND member_id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(asked, [str(member_id("ywca.worker"))])
        before = cursor.fetchone()[0]
        assert opens(secret)
        cursor.execute(asked, [str(member_id("ywca.worker"))])
        assert cursor.fetchone()[0] == before + 1


def test_another_address_none_and_a_wrong_one_open_nothing(api: Any) -> None:
    who = principal(api, "ywca.worker")
    first = feeds.make(who)
    second = feeds.make(who)
    assert (opens(first), opens(second), opens("x" * 43)) == (False, True, False)
    assert feeds.has_one(member_id("ywca.worker"))
    feeds.end(who)
    feeds.end(who)  # twice is safe
    assert not opens(second)
    assert not feeds.has_one(member_id("ywca.worker"))


def test_a_restored_row_of_an_ended_address_opens_nothing(api: Any) -> None:
    who = principal(api, "ywca.worker")
    secret = feeds.make(who)
    kept = m.CalendarFeed.objects.using("signin").get(member_id=member_id("ywca.worker"))
    feeds.end(who)
    m.CalendarFeed.objects.using("signin").bulk_create([kept])
    assert not opens(secret)


def test_a_row_that_was_made_or_changed_in_the_database_opens_nothing(api: Any) -> None:
    secret = feeds.make(principal(api, "ywca.worker"))
    kept = m.CalendarFeed.objects.using("signin").filter(member_id=member_id("ywca.worker"))
    kept.update(member_id=member_id("police.worker"))
    assert not opens(secret)


def test_the_end_of_a_membership_ends_its_address_for_good(api: Any) -> None:
    secret = feeds.make(principal(api, "ywca.worker"))
    admin = principal(api, "ywca.admin")
    members.end(admin, member_id("ywca.worker"))
    try:
        assert not opens(secret)
    finally:
        members.bring_back(admin, member_id("ywca.worker"))
    assert not opens(secret)


def test_auditors_and_coordinators_have_no_address(api: Any) -> None:
    for who in ("ywca.auditor", "taskforce.coordinator"):
        with pytest.raises(NotPermitted):
            feeds.make(principal(api, who))


def test_without_an_entry_nothing_is_shown(api: Any, superuser: Any) -> None:
    secret = feeds.make(principal(api, "ywca.worker"))
    function = "sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text, text[])"
    with superuser.cursor() as cursor:
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM signin")
        superuser.commit()
        try:
            with pytest.raises(Unavailable):
                feeds.read(secret)
        finally:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO signin")
            superuser.commit()


def test_who_left_is_in_no_feed(api: Any) -> None:
    set_rotation(api)
    changes.add_shift(
        principal(api, "ywca.lead"),
        member_id("ywca.worker2"),
        "first",
        now(),
        now() + timedelta(days=1),
    )
    secret = feeds.make(principal(api, "ywca.worker"))
    admin = principal(api, "ywca.admin")
    members.end(admin, member_id("ywca.worker2"))
    try:
        feed = feeds.read(secret)
    finally:
        members.bring_back(admin, member_id("ywca.worker2"))
    shown = {one for span in feed.spans for one in span.on}
    assert member_id("ywca.worker2") not in shown | feed.names.keys()
