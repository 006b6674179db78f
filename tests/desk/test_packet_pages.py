"""Her permission, the packet and the notes at the desk: what is asked, refused, shown and where."""

import re
from datetime import datetime, timedelta

import pytest
from django import forms
from django.utils import timezone

from api.desk.forms import moment
from referrals.models import Note, Release
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, rows, text_of
from tests.support.people.stories import PACKET, Story, authorization, release_body, service_of

RELEASE = {
    "fields_": ["name", "phone"],
    "purpose": "receive_service",
    "basis": "stated_agreement",
    "form": "oral_witnessed",
    "lasts": "7",
    "consenters": ["self"],
    "adult": "on",
    "attestations": release_body()["attestations"],
}
WHY = {"purpose": "receive_service"}


@pytest.fixture
def officer():
    return at_the_desk("police.worker")


@pytest.fixture
def advocate():
    return at_the_desk("ywca.worker")


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"attestations": ["risks_explained"]}, "attestations", "These attestations are missing"),
        ({"consenters": ["parent"]}, "not_the_abuser", "Confirm that the person consenting"),
        (
            {"consenters": ["parent"], "not_the_abuser": "on"},
            "consenters",
            "The survivor must consent too",
        ),
        ({"signed_at": "2099-01-01T00:00"}, "signed_at", "The signature is in the future."),
        ({"signed_at": "2026-01-01T00:00"}, "lasts", "The release has ended already."),
        ({"adult": []}, "adult", "does not state an age"),
        ({"minor_may_consent_alone": "on"}, "adult", "The notice and the release disagree"),
        ({"fields_": ["substance_use"]}, "form", "Have the survivor sign"),
        ({"fields_": []}, "fields_", "Choose at least one."),
        ({"lasts": "90"}, "lasts", "Select a valid choice"),
    ],
)
def test_a_release_that_the_rules_refuse_says_why_at_its_field(
    story, officer, superuser, changed, field, says
):
    story.accept()
    path = f"/desk/referrals/{story.id}/put_release"
    answer = officer.submit_steps(path, RELEASE | changed)
    page = answer.content.decode()
    assert says in text_of(page)
    assert f'has-error" id="field-{field}"' in page
    assert rows(superuser, Release) == 0


def test_the_packet_is_asked_for_after_her_permission(story, officer):
    story.accept()
    path = f"/desk/referrals/{story.id}"
    answer = officer.get(f"{path}/put_packet", follow=True)
    assert answer.request["PATH_INFO"] == f"{path}/put_release"
    answer = officer.submit_steps(f"{path}/put_release", RELEASE)
    assert "The permission is recorded. Now write the packet." in text_of(answer.content)
    form = officer.get(f"{path}/put_packet").content.decode()
    first, folded = form.split('<details class="more"', 1)
    assert 'name="phone"' in first
    assert 'name="health"' not in first
    assert 'name="health"' in folded
    assert "Write at least one field." in text_of(
        officer.submit(f"{path}/put_packet", {"name": "  "}).content
    )


def test_an_opened_packet_is_in_that_answer_alone(story, advocate, superuser):
    story.accept().release().packet(**PACKET, health="not released")
    path = f"/desk/referrals/{story.id}"
    asked = advocate.get(f"{path}/open_packet")
    assert "Why are you opening this?" in text_of(asked.content)
    without = advocate.submit(f"{path}/open_packet", {"purpose": ""})
    assert "Choose one." in text_of(without.content)

    stated = advocate.submit(f"{path}/open_packet", {"purpose": "safety"}, follow=False)
    assert stated["Location"] == f"{path}/open_packet"
    assert not any(value in stated.content.decode() for value in PACKET.values())
    assert "Why are you opening this?" in text_of(advocate.get(f"{path}/open_notes").content)
    opened = advocate.get(f"{path}/open_packet")
    assert opened.status_code == 200
    assert opened["Refresh"] == f"600; url={path}"
    assert opened["Cache-Control"] == "no-store"
    shown = text_of(opened.content)
    assert all(value in shown for value in PACKET.values())
    assert "not released" not in shown
    assert "to receive this service, until" in shown
    assert "Keep it out of patient portals" in shown
    assert "Do not share it further without asking the survivor." in shown
    receipt = re.search(r"Receipt ([0-9a-f-]{36})", shown)[1]
    with superuser.cursor() as cursor:
        cursor.execute("SELECT act, purpose FROM access_entry WHERE id = %s", [receipt])
        assert cursor.fetchone() == ("referral.open_packet", "safety")
    title = re.search("<title>(.*)</title>", opened.content.decode())[1]
    assert title == "Packet · Cairn"
    for value in PACKET.values():
        assert value not in advocate.get(path).content.decode()
    again = advocate.get(f"{path}/open_packet")  # as going back, or reloading, does
    assert "Why are you opening this?" in text_of(again.content)


def test_a_purpose_that_was_stated_a_while_ago_opens_nothing(story, advocate, shift_clock):
    story.accept().release().packet(**PACKET)
    path = f"/desk/referrals/{story.id}/open_packet"
    advocate.submit(path, {"purpose": "safety"}, follow=False)
    shift_clock("2 minutes")
    assert "Why are you opening this?" in text_of(advocate.get(path).content)


def test_a_packet_under_part_2_bears_its_statement(api, advocate):
    """42 CFR 2.32: it goes with each disclosure."""
    story = Story(api, service_of("ywca"), sender="hospital.worker").accept()
    story.release("substance_use", **authorization()).packet(substance_use="an invented record")
    path = f"/desk/referrals/{story.id}/open_packet"
    shown = text_of(advocate.submit(path, {"purpose": "service"}).content)
    assert "42 CFR part 2 prohibits unauthorized use or disclosure of these records." in shown
    assert "Do not share it further" not in shown
    assert "The survivor's consent covers, for Demo Women's Centre only" in shown
    assert "Substance use (42 CFR 2.32(b))" in shown


def test_a_permission_is_asked_in_steps_that_offer_what_is_possible(story, officer, superuser):
    story.accept()
    path = f"/desk/referrals/{story.id}/put_release"
    first = officer.get(path).content.decode()
    assert "Step 1 of 3: What they may see" in text_of(first)
    assert 'name="attestations"' not in first
    wrong = officer.submit(path, {"fields_": []})
    assert wrong.request["QUERY_STRING"] == "step=1"
    assert 'has-error" id="field-fields_"' in wrong.content.decode()
    health = officer.submit(f"{path}?step=1", WHY | {"fields_": ["name", "substance_use"]})
    assert "Step 2 of 3" in text_of(health.content)
    assert "Error:" not in health.content.decode()
    second = officer.get(f"{path}?step=2").content.decode()
    assert 'value="oral_witnessed"' not in second, "42 CFR 2.31: it takes a signature"
    back = officer.submit(f"{path}?step=2", {"to": "1"})
    assert "Step 1 of 3" in text_of(back.content)
    assert re.search(r'value="substance_use"[^>]*checked', back.content.decode())
    officer.submit(f"{path}?step=1", WHY | {"fields_": ["name"]})
    now = re.search(r'name="signed_at" value="([^"]+)"', second)[1]
    how = {"form": "oral_witnessed", "lasts": "1", "signed_at": now}
    third = officer.submit(f"{path}?step=2", how)
    shown, page = text_of(third.content), third.content.decode()
    assert "What may they see? Name Change" in shown
    assert "How long it lasts 1 day Change" in shown
    assert re.search(r"When they gave it \d+:\d\d [ap]\.m\. \w+ Change", shown)
    assert "Where the paper is kept" not in shown
    assert "signed on this screen" not in shown.lower().split("who heard it")[0]
    assert page.count("has-error") == 0
    assert rows(superuser, Release) == 0
    answer = officer.submit_steps(path, RELEASE)
    assert "The permission is recorded." in text_of(answer.content)
    assert rows(superuser, Release) == 1


@pytest.mark.parametrize("step", ["0", "4", "x", "-1", ""])
def test_a_step_that_is_none_is_the_first(story, officer, step):
    story.accept()
    path = f"/desk/referrals/{story.id}/put_release"
    assert "Step 1 of 3" in text_of(officer.get(path, {"step": step}).content)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-10-31T12:00", "2026-10-31T18:00+00:00"),
        ("2026-11-01T01:30", "2026-11-01T07:30+00:00"),  # comes twice: the first
        ("2026-03-08T02:30", None),  # comes never
        ("soon", None),
    ],
)
def test_a_moment_in_the_night_when_the_clocks_change(typed, meant):
    class OneMoment(forms.Form):
        at = moment("When")

    with timezone.override("America/Denver"):
        form = OneMoment({"at": typed})
        assert form.is_valid() == (meant is not None)
    if meant:
        at = form.cleaned_data["at"]
        assert at == datetime.fromisoformat(meant)
        assert (at + timedelta(days=30)).timestamp() - at.timestamp() == 30 * 86400


def test_the_form_asks_her_age_where_the_notice_does_not_say_it(api, officer):
    for age, asked in (("not_stated", True), ("adult", False), ("minor", False)):
        story = Story(api, service_of("ywca")).create(age_band=age)
        path = f"/desk/referrals/{story.id}/put_release"
        third = text_of(officer.get(f"{path}?step=3").content)
        assert ("The survivor is 18 or over" in third) == asked
        answer = officer.submit_steps(path, RELEASE | {"adult": []})
        kept = "The permission is recorded." in text_of(answer.content)
        assert kept == (age == "adult"), age
    story.send()  # of a minor: as of now she may be one no more
    third = text_of(officer.get(f"{path}?step=3").content)
    assert "The survivor has turned 18 since the notice was sent" in third
    assert "The survivor is 18 or over" not in third
    kept = text_of(officer.submit_steps(path, RELEASE).content)
    assert "The permission is recorded." in kept
    (release,) = api("police.worker").get(f"/v1/referrals/{story.id}/releases").json()["items"]
    assert "came_of_age" in release["attestations"]


def test_the_paper_says_her_age_and_that_treatment_takes_her_signature(story, officer, superuser):
    def paper(language):
        path = f"/desk/referrals/{story.id}/release_paper"
        return text_of(officer.get(path, {"language": language}).content)

    def duties_are(duties):
        with superuser.cursor() as cursor:
            police = [duties, agency_id("police")]
            cursor.execute("UPDATE permissions_agency SET duties = %s WHERE id = %s", police)
        superuser.commit()

    story.create()
    assert "I am 18 or over." in paper("en")
    assert "Tengo 18 años o más." in paper("es")
    assert "If given verbally (not for alcohol or drug treatment)" in paper("en")
    assert "no firmó (no vale para tratamiento por alcohol o drogas)" in paper("es")
    duties_are(["part2"])
    try:
        assert "If given verbally" not in paper("en")
    finally:
        duties_are([])


def test_who_is_not_assigned_opens_neither_packet_nor_notes(story):
    story.accept().release().packet(**PACKET)
    path = f"/desk/referrals/{story.id}"
    for who in ("ywca.worker2", "police.worker2"):
        pages = at_the_desk(who)
        assert pages.get(path).status_code == 200
        fields = pages.hidden("/desk/", "/accounts/logout") | {"purpose": "service"}
        for act in ("open_packet", "open_notes"):
            answer = pages.http.post(f"{path}/{act}", fields)
            assert answer.status_code == 403
            assert not any(value in answer.content.decode() for value in PACKET.values())


def test_after_her_permission_ended_the_packet_is_closed_and_the_help_goes_on(
    story, advocate, officer
):
    story.accept().release().packet(**PACKET)
    path = f"/desk/referrals/{story.id}"
    answer = advocate.submit(f"{path}/revoke_release", {"via": "oral"})
    assert "The packet is closed; the referral goes on." in text_of(answer.content)
    answer = advocate.submit(f"{path}/open_packet", {"purpose": "service"})
    assert answer.status_code == 409
    assert "there is no release in force" in text_of(answer.content)
    shown = text_of(officer.get(path).content)
    assert "Ended: the survivor's permission has ended." in shown
    assert "Yve Example" not in shown
    assert "They said yes" in shown


def test_a_note_is_kept_once_and_read_by_its_side_alone(story, advocate, officer, superuser):
    story.accept()
    path = f"/desk/referrals/{story.id}"
    fields = advocate.hidden(f"{path}/add_note") | {"text": "Meets her at noon."}
    assert advocate.http.post(f"{path}/add_note", fields).status_code == 302
    assert advocate.http.post(f"{path}/add_note", fields).status_code == 302
    assert rows(superuser, Note) == 1
    theirs = officer.submit(f"{path}/open_notes", {"purpose": "service"})
    assert "No notes yet." in text_of(theirs.content)
    ours = advocate.submit(f"{path}/open_notes", {"purpose": "service"})
    assert "Meets her at noon." in text_of(ours.content)
    assert ours["Cache-Control"] == "no-store"


def test_a_hospital_is_offered_what_the_law_allows_to_this_recipient(api):
    """45 CFR 164.512(c): never a spoken agreement to an advocate."""
    story = Story(api, service_of("ywca"), sender="hospital.worker").create()
    nurse, path = at_the_desk("hospital.worker"), f"/desk/referrals/{story.id}/put_release"
    pages = [nurse.get(f"{path}?step={step}").content.decode() for step in (1, 2, 3)]
    assert all("hipaa_agreement" not in page for page in pages)
    assert "oral_witnessed" not in pages[1]
    assert all(one in pages[2] for one in authorization()["attestations"])
    given = RELEASE | authorization() | {"basis": "hipaa_agreement", "fields_": ["name"]}
    assert "The permission is recorded." not in text_of(nurse.submit_steps(path, given).content)
    given["basis"] = "hipaa_authorization"
    assert "The permission is recorded." in text_of(nurse.submit_steps(path, given).content)
