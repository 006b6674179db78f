"""The on-call pages: what each role is led to, and that a page does what it says."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar

from referrals import models as m
from referrals.notifications import gaps
from referrals.on_call import changes, overview
from tests.support.ground.http_client import HttpClient
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.rota import now, principal, set_rotation
from tests.support.people.stories import service_of

DENVER = ZoneInfo("America/Denver")
YWCA = agency_id("ywca")


def said(who: str, path: str) -> str:
    answer = at_the_desk(who).get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return text_of(answer.content)


def post(who: str, path: str, **fields: Any) -> Any:
    return at_the_desk(who, csrf=False).http.post(path, fields)


def local(hours: float) -> str:
    return f"{(now() + timedelta(hours=hours)).astimezone(DENVER):%Y-%m-%dT%H:%M}"


def turns(*who: str) -> dict[str, str]:
    return {f"turn_{member_id(one).hex}": str(turn) for turn, one in enumerate(who, 1)}


HANDED_OVER = timedelta(hours=8)  # after midnight, as ROTATION says
ROTATION = {"period": "week", "weekday": "0", "at": "08:00", "has_second": "on", "what": "set"}


def test_a_lead_sets_the_rotation_and_ends_it(api: Any) -> None:
    path = "/desk/on-call/rotation"
    day = f"{(now() - HANDED_OVER).astimezone(DENVER):%Y-%m-%d}"  # one whose turn has begun
    assert "No rotation and no shift is set." in said("ywca.lead", "/desk/on-call")
    order = turns("ywca.worker2", "ywca.worker")
    answer = post("ywca.lead", path, **ROTATION, anchor=day, **order)
    assert answer.status_code == 302
    on = overview.on_at(YWCA, now())
    assert (on.first, on.second) == (member_id("ywca.worker2"), member_id("ywca.worker"))
    assert "On call now : Yoko Specimen , then Yve Example" in said("ywca.worker", "/desk/")
    assert "on call now" in said("ywca.admin", "/desk/members")
    assert post("ywca.lead", path, what="end").status_code == 302
    assert "On call now : no one is named" in said("ywca.worker", "/desk/")


def test_two_members_with_one_turn_or_none_are_a_fault_in_the_form(api: Any) -> None:
    path = "/desk/on-call/rotation"
    twice = {f"turn_{member_id(one).hex}": "1" for one in ("ywca.worker", "ywca.worker2")}
    answer = post("ywca.lead", path, **ROTATION, anchor="2026-11-01", **twice)
    assert "Two members have this turn." in text_of(answer.content)
    answer = post("ywca.lead", path, **ROTATION, anchor="2026-11-01")
    assert "Name each member once, and at least one." in text_of(answer.content)
    assert answer.status_code == 400
    assert not m.Rotation.objects.using("signin").filter(agency_id=YWCA).exists()


def test_a_shift_is_entered_in_the_agencys_time_and_removed_after_a_question(api: Any) -> None:
    who = str(member_id("ywca.worker"))
    given = {"member_id": who, "kind": "first", "begins_at": local(-1), "ends_at": local(2)}
    assert post("ywca.lead", "/desk/on-call/shifts/new", **given).status_code == 302
    assert "Yve Example" in said("ywca.worker2", "/desk/on-call")
    (shift,) = m.Shift.objects.using("signin").filter(agency_id=YWCA)
    assert f"{shift.begins_at.astimezone(DENVER):%Y-%m-%dT%H:%M}" == given["begins_at"]
    path = f"/desk/on-call/shifts/{shift.id}/remove"
    assert "Remove this shift?" in said("ywca.lead", path)
    assert m.Shift.objects.using("signin").filter(id=shift.id).exists()
    assert post("ywca.lead", path).status_code == 302
    assert post("ywca.lead", path).status_code == 404
    backwards = given | {"begins_at": local(3)}
    answer = post("ywca.lead", "/desk/on-call/shifts/new", **backwards)
    assert "The end must be after the beginning." in text_of(answer.content)


def test_a_coworker_is_asked_and_agrees(api: Any) -> None:
    set_rotation(api)
    given = {"kind": "first", "begins_at": local(0), "ends_at": local(2)}
    coworker = str(member_id("ywca.worker2"))
    assert post("ywca.worker", "/desk/on-call/swap", **given, member_id=coworker).status_code == 302
    assert "You have asked" in said("ywca.worker", "/desk/on-call")
    assert "Yve Example asks you to take their shift" in said("ywca.worker2", "/desk/on-call")
    which = str(m.Swap.objects.using("signin").get().id)
    answer = post("ywca.worker2", "/desk/on-call", what="agree", which=which)
    assert answer.status_code == 302
    assert m.Shift.objects.using("signin").filter(member_id=coworker).exists()
    answer = post("ywca.worker2", "/desk/on-call", what="decline", which=which)
    assert answer.status_code == 409
    assert post("ywca.worker2", "/desk/on-call", what="nonsense").status_code == 400
    assert post("ywca.worker2", "/desk/on-call", what="agree", which="x").status_code == 404


EVENT = "BEGIN:VEVENT\nSUMMARY:{title}\nDTSTART:{at:%Y%m%dT%H0000Z}\nDURATION:PT8H\nEND:VEVENT\n"


def calendar(*titles: str) -> str:
    at = now() + timedelta(days=1)
    events = "".join(EVENT.format(title=one, at=at) for one in titles)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n"


def test_a_file_is_checked_first_and_imported_whole_or_not_at_all(api: Any) -> None:
    path, mine = "/desk/on-call/import", m.Shift.objects.using("signin").filter(agency_id=YWCA)
    wrong = calendar("Yve Example", "No One")
    answer = post("ywca.lead", path, what="import", file=wrong)
    words = text_of(answer.content)
    assert "1 event has a fault. Nothing was entered." in words
    assert "Event 2: The title is not the name of one worker or lead." in words
    assert not mine.exists()
    good = calendar("Yve Example", "Second: Yoko Specimen")
    answer = post("ywca.lead", path, what="check", file=good)
    assert "Import all" in text_of(answer.content)
    assert not mine.exists()
    for _ in range(2):  # twice is safe
        assert post("ywca.lead", path, what="import", file=good).status_code == 302
        assert mine.count() == 2
    answer = post("ywca.lead", path, what="check", file="hello")
    assert "This is not a calendar file (.ics)." in text_of(answer.content)


def test_a_calendar_reads_the_address_until_it_ends(api: Any) -> None:
    set_rotation(api)
    answer = post("ywca.worker", "/desk/on-call", what="make_feed")
    (address,) = [
        one for one in text_of(answer.content).split() if "/calendar/" in one and ".ics" in one
    ]
    path = "/calendar/" + address.split("/calendar/")[1]
    assert address not in said("ywca.worker", "/desk/on-call")  # shown once
    stranger = HttpClient()
    found = stranger.get(path)
    assert found["Content-Type"] == "text/calendar; charset=utf-8"
    assert Calendar.from_ical(found.content).walk("VEVENT")
    assert post("ywca.worker", "/desk/on-call", what="end_feed").status_code == 302
    gone, never = stranger.get(path), stranger.get("/calendar/" + "x" * 43 + ".ics")
    assert gone.status_code == never.status_code == 404
    assert text_of(gone.content) == text_of(never.content)


def test_the_sender_the_leads_and_the_coordinator_see_a_gap(api: Any, reachable: None) -> None:
    new = f"/desk/referrals/new?service={service_of('ywca')}"
    warning = "No phone line answers there now. In an emergency, call them as well: 406-555-0130"
    gaps.step()
    assert warning in said("police.worker", new)
    assert "No phone line answers at your agency" in said("ywca.lead", "/desk/on-call")
    assert "Demo Women's Centre" in said("taskforce.coordinator", "/desk/uncovered")
    draft = api("police.worker").post(
        "/v1/referrals",
        {
            "service_id": service_of("ywca"),
            "urgency": "emergency",
            "needs": ["shelter"],
            "callback": "406-555-0111",
        },
    )
    assert warning in said("police.worker", f"/desk/referrals/{draft.json()['id']}/send")
    set_rotation(api)
    gaps.step()
    assert "No phone line" not in said("police.worker", new)
    assert "Demo Women's Centre" not in said("taskforce.coordinator", "/desk/uncovered")


def test_an_absence_is_for_the_lead_to_enter(api: Any) -> None:
    who = str(member_id("ywca.worker"))
    given = {"member_id": who, "kind": "away", "begins_at": local(0), "ends_at": local(2)}
    assert post("ywca.worker", "/desk/on-call/shifts/new", **given).status_code == 403
    assert post("ywca.worker", "/desk/on-call/rotation", what="end").status_code == 403
    lead = principal(api, "ywca.lead")
    changes.add_shift(lead, member_id("ywca.worker"), "away", now(), now() + timedelta(hours=2))
    assert "Away: ill, or on leave" in said("ywca.worker", "/desk/on-call")
