"""Practice at the desk, from the code to the end: who may, what is refused, and that what comes too
late is not done live."""

from typing import Any

import pytest
from django.db import connections

from api.http.authentication import SESSION_KEY
from permissions.enrollment import members
from permissions.errors import BadRequest
from permissions.identity import credentials
from permissions.models import Agency
from permissions.principal import Principal
from referrals.acts import private_records, sender
from referrals.notices import Notice
from referrals.packets import notes, packet
from tests.desk.own_people import at_own_desk
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.support.people.callers import agency_id, member_id, principal
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.exercises import NOTICE, RELEASE, Exercise, accept_and_share
from tests.support.people.stories import Story, service_of

NO_EXERCISE = "No exercise is under way with this code."
OVER = "The exercise has ended. From here on everything is real."


def said(page: Any) -> str:
    return str(text_of(page.content.decode()))


def in_practice(desk: Pages) -> Principal:
    found = credentials.resolve_credential(desk.http.session[SESSION_KEY])
    assert found is not None
    assert found.practices
    return found


def referrals(superuser: Any) -> set[tuple[str, str]]:
    """The agencies of all referrals: from whom to whom."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT from_agency_id::text, to_agency_id::text FROM referral")
        return set(cursor.fetchall())


def end_now(shift_clock: Any) -> None:
    shift_clock("4 hours 1 second")


# -- The way of a referral -------------------------------------------------------------------------


def test_a_referral_is_practiced_with_those_who_joined(superuser: Any) -> None:
    exercise = Exercise().begin().join("ywca.worker")
    sent = exercise.refer()
    assert exercise.id, said(sent)
    police, ywca = exercise.desks["police.lead"], exercise.desks["ywca.worker"]
    assert exercise.id in ywca.get("/desk/").content.decode()
    page = f"/desk/referrals/{exercise.id}"
    for desk in (police, ywca):
        shown = said(desk.get(page))
        assert "PRACTICE" in shown
        assert "406-555-0100" in shown
        assert "0199" not in shown, "what was typed is not read"
    accept_and_share(exercise)
    assert "Accepted" in said(police.get(page))
    live = {str(agency_id("police")), str(agency_id("ywca"))}
    assert not {one for pair in referrals(superuser) for one in pair} & live


def test_a_note_is_the_invented_one() -> None:
    exercise = Exercise().begin().join("ywca.worker")
    exercise.refer()
    desk, page = exercise.desks["police.lead"], f"/desk/referrals/{exercise.id}"
    assert "The note is saved." in said(desk.submit(f"{page}/add_note", {"text": "a real story"}))
    opened = said(desk.submit(f"{page}/open_notes", {"purpose": "review"}))
    assert "Practice. Invented." in opened
    assert "a real story" not in opened


def test_the_acts_take_no_text_but_the_invented_one() -> None:
    """Whatever page or program asks."""
    exercise = Exercise().begin().join("ywca.worker")
    exercise.refer()
    caller = in_practice(exercise.desks["police.lead"])
    notice = Notice("routine", ("shelter",), "406-555-0111")
    own = [
        lambda: sender.create(caller, service_of("ywca"), notice),  # type: ignore[arg-type]
        lambda: sender.put_notice(caller, exercise.id, notice),  # type: ignore[arg-type]
        lambda: packet.put_packet(caller, exercise.id, {"name": "Jo Real"}),  # type: ignore[arg-type]
        lambda: notes.add_note(caller, exercise.id, "Jo was here"),  # type: ignore[arg-type]
        lambda: private_records.set_external_ref(caller, exercise.id, "4711"),  # type: ignore[arg-type]
    ]
    for act in own:
        with pytest.raises(BadRequest) as refusal:
            act()
        assert refusal.value.code == "not_invented"


def test_a_service_of_an_agency_that_did_not_join_takes_nothing() -> None:
    exercise = Exercise().begin()
    answer = exercise.refer()
    assert exercise.id == ""
    assert "No agency here answers for it." in said(answer)


def test_the_end_of_a_home_membership_ends_practice(
    api: Any, make_own: Any, superuser: Any
) -> None:
    own = make_own("ywca")
    desk = at_own_desk(own)
    exercise = Exercise().begin()
    exercise.desks["own"] = desk
    exercise.join("own")
    secret = desk.http.session[SESSION_KEY]
    assert in_practice(desk)
    members.end(principal(api("ywca.admin")), own["member_id"])
    assert credentials.resolve_credential(secret) is None
    assert "/accounts/login" in desk.get("/desk/", follow=True).request["PATH_INFO"]


# -- The code --------------------------------------------------------------------------------------


def test_a_wrong_code_one_that_is_over_and_none_are_answered_alike(shift_clock: Any) -> None:
    exercise = Exercise().begin()
    over = exercise.code
    ended = exercise.desks["police.lead"].submit("/desk/practice/end")
    assert "The exercise has ended, for everyone in it." in said(ended)
    desk = at_the_desk("ywca.worker")
    answers = [
        desk.http.post("/desk/practice", desk.hidden("/desk/practice") | {"code": code})
        for code in (over, "BCDF GHJK", "no code")
    ]
    assert {one.status_code for one in answers} == {409}
    assert all(NO_EXERCISE in said(one) for one in answers)
    exercise = Exercise().begin()
    end_now(shift_clock)
    desk = at_the_desk("ywca.worker")
    assert NO_EXERCISE in said(desk.submit("/desk/practice", {"code": exercise.code}))


def test_guesses_of_a_code_are_limited() -> None:
    exercise = Exercise().begin()
    desk = at_the_desk("ywca.worker")
    for _ in range(10):
        assert NO_EXERCISE in said(desk.submit("/desk/practice", {"code": "BCDF GHJK"}))
    late = desk.submit("/desk/practice", {"code": exercise.code}, follow=False)
    assert late.status_code == 429


def test_who_joins_rightly_is_not_counted() -> None:
    exercise = Exercise().begin()
    for _ in range(12):
        exercise.join("ywca.worker")
        exercise.desks["ywca.worker"].submit("/desk/", action="/desk/practice/leave")


@pytest.mark.parametrize(
    ("who", "status"), [("ywca.auditor", 403), ("ywca.admin", 403), ("taskforce.coordinator", 403)]
)
def test_only_caseworkers_take_part(who: str, status: int) -> None:
    assert at_the_desk(who).get("/desk/practice").status_code == status


def test_only_a_lead_begins_an_exercise_and_only_who_began_it_ends_it() -> None:
    desk = at_the_desk("police.worker")
    assert "Lead an exercise" not in said(desk.get("/desk/practice"))
    token = desk.hidden("/desk/practice")
    assert desk.http.post("/desk/practice", token | {"begin": "1"}).status_code == 403
    exercise = Exercise().begin().join("ywca.lead")
    other = exercise.desks["ywca.lead"]
    assert "End the exercise" not in said(other.get("/desk/practice"))
    assert other.submit("/desk/practice/end").status_code == 403
    assert "PRACTICE" in said(exercise.desks["police.lead"].get("/desk/"))


def test_an_exercise_is_joined_twice_by_one_person_on_two_devices(superuser: Any) -> None:
    exercise = Exercise().begin().join("ywca.worker")
    second = at_the_desk("ywca.worker")
    page = second.submit("/desk/practice", {"code": exercise.code})
    assert "Agencies that take part" in said(page)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM permissions_membership m JOIN permissions_agency a"
            " ON a.id = m.agency_id WHERE a.exercise_id IS NOT NULL AND m.person_id ="
            " (SELECT person_id FROM permissions_membership WHERE id = %s)",
            [str(member_id("ywca.worker"))],
        )
        assert cursor.fetchone() == (1,)


# -- Into what is live, and out of it --------------------------------------------------------------


def test_no_one_signs_on_a_screen_in_practice() -> None:
    """Who draws a name draws their own."""
    exercise = Exercise().begin().join("ywca.worker")
    exercise.refer()
    exercise.desks["ywca.worker"].submit(f"/desk/referrals/{exercise.id}/accept")
    form = f"/desk/referrals/{exercise.id}/put_release"
    drawn = RELEASE | {"form": "screen", "language": "en"}
    found = exercise.desks["police.lead"].submit_steps(form, drawn).content.decode()
    assert 'value="written"' in found, text_of(found)
    assert 'value="screen"' not in found
    assert 'value="own_phone"' not in found


def test_one_touch_leads_from_practice_to_a_live_referral(superuser: Any) -> None:
    exercise = Exercise().begin().join("ywca.worker")
    exercise.refer()
    desk = exercise.desks["police.lead"]
    for path in ("/desk/", f"/desk/referrals/{exercise.id}", "/desk/practice", "/desk/directory"):
        token = desk.hidden(path, "/desk/practice/leave")
        answer = desk.http.post("/desk/practice/leave", token | {"refer": "1"}, follow=True)
        assert answer.request["PATH_INFO"] == "/desk/directory"
        assert "PRACTICE" not in said(answer)
        assert "Find it here" in said(answer)
        exercise.join("police.lead")
    desk.submit("/desk/", action="/desk/practice/leave")
    form = f"/desk/referrals/new?service={service_of('ywca')}"
    sent = desk.submit(form, NOTICE | {"callback": "406-555-0111", "send": "1"})
    assert "406-555-0111" in said(desk.get(sent.request["PATH_INFO"].removesuffix("/sent")))
    assert (str(agency_id("police")), str(agency_id("ywca"))) in referrals(superuser)


@pytest.mark.parametrize("how", ["by itself", "by who began it"])
def test_what_is_sent_after_the_end_is_not_done_live(
    how: str, shift_clock: Any, superuser: Any
) -> None:
    exercise = Exercise().begin("ywca.lead").join("police.lead")
    desk = exercise.desks["police.lead"]
    form = f"/desk/referrals/new?service={service_of('ywca')}"
    typed = desk.hidden(form) | NOTICE | {"send": "1"}
    if how == "by itself":
        end_now(shift_clock)
    else:
        exercise.desks["ywca.lead"].submit("/desk/practice/end")
    answer = desk.http.post("/desk/referrals/new", typed, follow=True)
    assert OVER in said(answer)
    assert "PRACTICE" not in said(answer)
    assert answer.request["PATH_INFO"] == "/desk/"
    again = desk.http.post("/desk/referrals/new", typed)
    assert again.status_code == 403, "the form is of another session"
    assert referrals(superuser) == set()


def test_a_form_of_before_is_refused_on_the_other_side(superuser: Any) -> None:
    """Opened live, and sent in practice: help was meant. And the reverse."""
    exercise = Exercise().begin().join("ywca.worker")
    other = Exercise({"police.lead": at_the_desk("police.lead")}, exercise.code)
    desk = other.desks["police.lead"]
    form = f"/desk/referrals/new?service={service_of('ywca')}"
    live = desk.hidden(form) | NOTICE | {"callback": "406-555-0111", "send": "1"}
    other.join("police.lead")
    practice = desk.hidden(form) | NOTICE | {"send": "1"}
    assert desk.http.post("/desk/referrals/new", live).status_code == 403
    desk.submit("/desk/", action="/desk/practice/leave")
    assert desk.http.post("/desk/referrals/new", practice).status_code == 403
    assert referrals(superuser) == set()


def test_a_practice_page_has_no_way_to_what_is_live(api: Any, story: Story) -> None:
    story.accept()
    exercise = Exercise().begin()
    desk = exercise.desks["police.lead"]
    assert desk.get(f"/desk/referrals/{story.id}").status_code == 404
    for path in ("/desk/calls", "/desk/account", "/desk/webhooks", "/desk/on-call", "/desk/told"):
        answer = desk.get(path)
        assert answer.status_code == 403, path
        assert "Leave practice to use this page." in said(answer)
    assert desk.get("/v1/referrals").status_code == 403


def test_leaving_and_ending_twice_is_safe() -> None:
    exercise = Exercise().begin()
    desk = exercise.desks["police.lead"]
    token = desk.hidden("/desk/", "/desk/practice/leave")
    assert "You left practice." in said(desk.http.post("/desk/practice/leave", token, follow=True))
    again = desk.hidden("/desk/practice")
    assert desk.http.post("/desk/practice/leave", again).status_code == 302
    assert desk.http.post("/desk/practice/end", again).status_code == 302
    assert said(desk.get("/desk/")).count("PRACTICE") == 0


def test_signing_out_ends_both_sign_ins() -> None:
    exercise = Exercise().begin()
    desk = exercise.desks["police.lead"]
    kept = [desk.http.session[name] for name in (SESSION_KEY, "live_credential")]
    desk.submit("/accounts/logout")
    assert [credentials.resolve_credential(one) for one in kept] == [None, None]
    second = Exercise().begin("ywca.lead").desks["ywca.lead"]
    kept = [second.http.session[name] for name in (SESSION_KEY, "live_credential")]
    second.http.post("/leave")
    assert [credentials.resolve_credential(one) for one in kept] == [None, None]


def test_the_choice_of_an_agency_leaves_practice_and_offers_no_practice() -> None:
    exercise = Exercise().begin()
    desk = exercise.desks["police.lead"]
    answer = desk.get("/desk/agency", follow=True)
    assert "PRACTICE" not in said(answer)
    assert "PRACTICE" not in said(desk.get("/desk/"))


def test_an_agency_that_leaves_takes_its_practice_along(superuser: Any) -> None:
    exercise = Exercise().begin().join("ywca.worker")
    secret = exercise.desks["ywca.worker"].http.session[SESSION_KEY]
    with connections["jobs"].cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_agency SET active = false WHERE id = %s", [agency_id("ywca")]
        )
    try:
        assert credentials.resolve_credential(secret) is None
    finally:
        Agency.objects.using("jobs").filter(id=agency_id("ywca")).update(active=True)


def test_a_practice_page_is_light() -> None:
    exercise = Exercise().begin().join("ywca.worker")
    exercise.refer()
    desk = exercise.desks["police.lead"]
    for path in ("/desk/", f"/desk/referrals/{exercise.id}", "/desk/practice"):
        assert len(desk.get(path).content) < 60_000, path
