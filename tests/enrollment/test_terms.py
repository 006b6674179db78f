"""The network's terms: who has to sign them, and what waits until they have."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError

from permissions.enrollment import terms_file
from permissions.enrollment.terms_file import Terms
from permissions.models import TermsSignature
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of

PAGE = "/desk/agency/terms"
FIRST = Terms("2026-1", datetime(2026, 1, 1, tzinfo=UTC), "We answer in time.", "1" * 64)
NEXT = Terms("2027-1", datetime(2026, 1, 1, tzinfo=UTC), "We answer in time, always.", "2" * 64)


@pytest.fixture(autouse=True)
def unsigned(network: Any, settings: Any, superuser: Any) -> Any:
    """The terms are in force, and no agency has signed them."""
    settings.TERMS = FIRST
    yield
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM permissions_termssignature")
    superuser.commit()


def sign(who: str) -> Any:
    pages = at_the_desk(who)
    return pages.submit(PAGE)


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_nothing_is_sent_before_both_agencies_have_signed(story: Any, api: Any) -> None:
    story.create()
    send = {"agreement": "agrees"}
    answer = api("police.worker").act(story.id, "send", send)
    assert refused(answer) == (409, "terms_unsigned")
    assert refused(api("police.client", acting="police.worker").act(story.id, "send", send)) == (
        409,
        "terms_unsigned",
    )
    sign("police.admin")
    assert refused(api("police.worker").act(story.id, "send", send)) == (
        409,
        "terms_unsigned_there",
    )
    sign("ywca.admin")
    story.send().accept()


def test_a_new_text_asks_again_and_holds_up_from_its_day_on(
    story: Any, api: Any, settings: Any
) -> None:
    sign("police.admin")
    sign("ywca.admin")
    story.send()
    settings.TERMS = NEXT._replace(in_force_from=datetime.now(UTC) + timedelta(days=20))
    shown = text_of(at_the_desk("ywca.worker").get("/desk/").content)
    assert "The network has new terms." in shown
    before = story.id
    story.id = ""
    story.send()  # it works on until that day
    story.id = before
    settings.TERMS = NEXT
    assert refused(api("ywca.worker").act(story.id, "accept")) == (409, "terms_unsigned")
    shown = text_of(at_the_desk("ywca.worker").get("/desk/").content)
    assert "it can neither send nor accept a referral. Call instead." in shown
    story.answers("acknowledge")  # what tells the sender more stays possible
    sign("ywca.admin")
    assert "terms" not in text_of(at_the_desk("ywca.worker").get("/desk/").content)
    story.accept()


def test_without_terms_no_one_is_asked(story: Any, settings: Any) -> None:
    settings.TERMS = None
    story.send().accept()
    pages = at_the_desk("ywca.admin")
    assert "asks for no signature" in text_of(pages.get(PAGE).content)
    assert "terms" not in text_of(pages.get("/desk/agency/settings").content).lower()
    assert pages.http.post(PAGE, pages.hidden("/desk/agency/settings")).status_code == 404


def test_only_an_administrator_signs_and_only_what_they_read(superuser: Any, settings: Any) -> None:
    for who in ("ywca.worker", "ywca.lead", "ywca.editor", "ywca.auditor", "taskforce.coordinator"):
        pages = at_the_desk(who, csrf=False)
        shown = pages.get(PAGE)
        assert "We answer in time." in text_of(shown.content), who
        assert b'name="digest"' not in shown.content, who
        assert pages.http.post(PAGE, {"digest": FIRST.digest}).status_code == 403, who
    pages = at_the_desk("ywca.admin", csrf=False)
    for wrong in ({}, {"digest": NEXT.digest}):
        assert pages.http.post(PAGE, wrong).status_code == 409
    assert not TermsSignature.objects.exists()
    at_the_desk("ywca.admin").http.post(PAGE, {"digest": FIRST.digest})  # of another site
    assert not TermsSignature.objects.exists()


def test_it_is_known_who_signed_and_twice_is_once(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin", csrf=False)
    for _ in range(2):
        assert pages.http.post(PAGE, {"digest": FIRST.digest}).status_code == 302
    found = TermsSignature.objects.get()
    assert (found.agency_id, found.member_id) == (agency_id("ywca"), member_id("ywca.admin"))
    assert "Version 2026-1, by Yann Placeholder" in text_of(pages.get(PAGE).content)
    (entry, *_) = rows(
        superuser,
        "SELECT member_id::text, fields FROM access_entry WHERE act = 'agency.sign_terms'"
        " AND member_id IS NOT NULL ORDER BY xact DESC, id DESC",
    )
    assert entry == (str(member_id("ywca.admin")), ["terms:2026_1"])
    changes = text_of(at_the_desk("ywca.lead").get("/desk/agency/changes").content)
    assert re.search(r"Signed the network's terms\W+version 2026-1", changes)


def test_two_sign_at_the_same_time(race: Race) -> None:
    pages = [at_the_desk("ywca.admin", csrf=False) for _ in range(2)]
    with race.held("LOCK TABLE permissions_termssignature IN EXCLUSIVE MODE"):
        waiting = [
            race.start_and_wait(lambda one=one: one.http.post(PAGE, {"digest": FIRST.digest}))
            for one in pages
        ]
    assert [one.result().status_code for one in waiting] == [302, 302]
    assert TermsSignature.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO permissions_termssignature SELECT FROM permissions_termssignature",
        "UPDATE permissions_termssignature SET version = 'x'",
        "DELETE FROM permissions_termssignature",
    ],
)
def test_the_web_role_signs_nothing(statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_no_referral_is_offered_to_who_could_not_accept_it() -> None:
    sign("police.admin")
    pages = at_the_desk("police.worker")
    path = "/desk/directory?words=shelter"
    assert "Make a referral" not in text_of(pages.get(path).content)
    for who in ("ywca.admin", "sarc.admin", "hospital.admin", "outsider.admin", "solo.all"):
        sign(who)
    assert "Make a referral" in text_of(pages.get(path).content)


def test_the_operator_sees_who_has_still_to_sign(settings: Any) -> None:
    def listed() -> str:
        out = StringIO()
        call_command("agency", "terms", stdout=out)
        return out.getvalue()

    assert f"not signed: {agency_id('ywca')} Demo Women's Centre" in listed()
    sign("ywca.admin")
    assert "Demo Women's Centre" not in listed()
    settings.TERMS = None
    assert "has no terms" in listed()


WHOLE = "Version: 2026-1\nIn force from: 2026-12-01\n\nOne.\n\nTwo.\n"


def test_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text(WHOLE.replace("\n", "\r\n"), newline="")
    found = terms_file.read(str(path), "America/Denver")
    assert (found.version, found.text) == ("2026-1", "One.\n\nTwo.")
    assert found.in_force_from == datetime(2026, 12, 1, 7, tzinfo=UTC)
    path.write_text(WHOLE.replace("Two", "Three"))
    assert terms_file.read(str(path), "America/Denver").digest != found.digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with the lines"),
        ("One.", "begins with the lines"),
        (WHOLE.replace("Version: 2026-1", "Version: "), "begins with the lines"),
        (WHOLE.replace("12-01", "13-41"), "no date"),
        (WHOLE + "x" * terms_file.MOST_TEXT, "begins with the lines"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        terms_file.read(str(path), "America/Denver")


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        terms_file.read(str(tmp_path / "none.txt"), "America/Denver")
