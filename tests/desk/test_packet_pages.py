"""Her permission, the packet and the notes at the desk: what is asked, refused, shown and where."""

import re
from datetime import datetime, timedelta

import pytest
from django import forms
from django.utils import timezone

from api.desk.forms import moment
from referrals.models import Note, Release
from tests.support.callers import agency_id
from tests.support.desk_pages import at_the_desk, rows, text_of
from tests.support.stories import PACKET, Story, release_body, service_of

RELEASE = {
    "fields_": ["name", "phone"],
    "purpose": "receive_service",
    "basis": "stated_agreement",
    "form": "oral_witnessed",
    "signed_at": "2026-01-01T00:00",
    "lasts": "7",
    "consenters": ["self"],
    "adult": "on",
    "attestations": release_body()["attestations"],
}


@pytest.fixture
def officer():
    return at_the_desk("police.worker")


@pytest.fixture
def advocate():
    return at_the_desk("ywca.worker")


def now_in(pages, path):
    """What the form on `path` proposes as the moment of the signature: now."""
    page = pages.get(path).content.decode()
    return re.search(r'name="signed_at" value="([^"]+)"', page)[1]


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"attestations": ["risks_explained"]}, "attestations", "Still to be told"),
        ({"consenters": ["parent"]}, "not_the_abuser", "cannot consent"),
        ({"consenters": ["parent"], "not_the_abuser": "on"}, "consenters", "She herself consents"),
        ({"signed_at": "2030-01-01T00:00"}, "signed_at", "The signature lies in the future."),
        ({"signed_at": "2026-01-01T00:00"}, "lasts", "The release has ended already."),
        ({"adult": []}, "adult", "does not say her age"),
        ({"minor_may_consent_alone": "on"}, "adult", "She is adult and minor both"),
        ({"fields_": ["substance_use"]}, "form", "Have her sign"),
        ({"fields_": []}, "fields_", "Choose at least one."),
        ({"lasts": "90"}, "lasts", "Select a valid choice"),
    ],
)
def test_a_release_that_the_rules_refuse_says_why_at_its_field(
    story, officer, superuser, changed, field, says
):
    story.accept()
    path = f"/desk/referrals/{story.id}/put_release"
    answer = officer.submit(path, RELEASE | {"signed_at": now_in(officer, path)} | changed)
    page = answer.content.decode()
    assert says in text_of(page)
    assert f'has-error" id="field-{field}"' in page
    assert rows(superuser, Release) == 0


def test_the_packet_is_asked_for_after_her_permission(story, officer):
    story.accept()
    path = f"/desk/referrals/{story.id}"
    answer = officer.get(f"{path}/put_packet", follow=True)
    assert answer.request["PATH_INFO"] == f"{path}/put_release"
    release = RELEASE | {"signed_at": now_in(officer, f"{path}/put_release")}
    answer = officer.submit(f"{path}/put_release", release)
    assert "Her permission is recorded. Now write the packet." in text_of(answer.content)
    form = officer.get(f"{path}/put_packet").content.decode()
    first, folded = form.split("<details", 1)
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
    assert "What do you open it for" in text_of(asked.content)
    without = advocate.submit(f"{path}/open_packet", {"purpose": ""})
    assert "Choose one." in text_of(without.content)

    opened = advocate.submit(f"{path}/open_packet", {"purpose": "safety"}, follow=False)
    assert opened.status_code == 200
    assert opened["Cache-Control"] == "no-store"
    shown = text_of(opened.content)
    assert all(value in shown for value in PACKET.values())
    assert "not released" not in shown
    assert "to receive this service, until" in shown
    assert "Keep it out of patient portals" in shown
    assert "Pass nothing on without asking her." in shown
    receipt = re.search(r"Receipt ([0-9a-f-]{36})", shown)[1]
    with superuser.cursor() as cursor:
        cursor.execute("SELECT act, purpose FROM access_entry WHERE id = %s", [receipt])
        assert cursor.fetchone() == ("referral.open_packet", "safety")
    title = re.search("<title>(.*)</title>", opened.content.decode())[1]
    assert title == "Packet · Cairn"
    for value in PACKET.values():
        assert value not in advocate.get(path).content.decode()


def test_a_packet_under_part_2_bears_its_statement(api, advocate):
    """42 CFR 2.32: it goes with each disclosure."""
    story = Story(api, service_of("ywca"), sender="hospital.worker").accept()
    told = [one for one in RELEASE["attestations"] if one != "told_no_effect_on_case"]
    terms = {"basis": "hipaa_authorization", "form": "written", "attestations": told}
    story.release("substance_use", **terms).packet(substance_use="an invented record")
    path = f"/desk/referrals/{story.id}/open_packet"
    shown = text_of(advocate.submit(path, {"purpose": "service"}).content)
    assert "42 CFR part 2 prohibits unauthorized use or disclosure of these records." in shown
    assert "Pass nothing on" not in shown


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
        assert ("She is 18 or over" in text_of(officer.get(path).content)) == asked
        told = {"signed_at": now_in(officer, path), "adult": []}
        answer = officer.submit(path, RELEASE | told)
        kept = "Her permission is recorded." in text_of(answer.content)
        assert kept == (age == "adult"), age
    story.send()  # of a minor: as of now she may be one no more
    assert "She is 18 or over" in text_of(officer.get(path).content)


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
    assert "did not sign (not for alcohol or drug treatment)" in paper("en")
    assert "no firmó (no vale para tratamiento por alcohol o drogas)" in paper("es")
    duties_are(["part2"])
    try:
        assert "did not sign" not in paper("en")
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
    assert "Her permission has ended." in shown
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
    assert "There are none yet." in text_of(theirs.content)
    ours = advocate.submit(f"{path}/open_notes", {"purpose": "service"})
    assert "Meets her at noon." in text_of(ours.content)
    assert ours["Cache-Control"] == "no-store"
