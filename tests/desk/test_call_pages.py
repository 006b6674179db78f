"""Calls at the desk: their records, and the services that are only called."""

import re
from html import unescape

import pytest
from django.db import connections

from api.desk.inbox import call_records
from referrals.models import CallRecord
from tests.support.ground.database import phone_only_service
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, rows, text_of
from tests.support.people.stories import Story, service_of


@pytest.fixture
def officer():
    return at_the_desk("police.worker")


def test_a_call_to_a_phone_only_service_is_recorded_once(officer, superuser):
    page = officer.submit("/desk/directory", {"words": "compensation"}).content.decode()
    path = re.search(r'href="(/desk/calls/new\?service=[^"]+)"', page)[1]
    assert 'href="tel:' in officer.get(path).content.decode()
    fields = officer.hidden(path) | {"outcome": "full", "put_through": "yes"}
    for _ in range(2):
        assert officer.http.post("/desk/calls/new", fields).status_code == 302
    assert rows(superuser, CallRecord) == 1
    shown = text_of(officer.get("/desk/calls").content)
    assert "Crime victim compensation Full; the survivor spoke with them" in shown
    colleague = text_of(at_the_desk("police.worker2").get("/desk/calls").content)
    assert "None yet." in colleague


def test_a_service_that_is_answered_here_takes_no_call_record(officer, superuser):
    path = f"/desk/calls/new?service={service_of('ywca')}"
    answer = officer.submit(path, {"outcome": "full", "put_through": "no"})
    assert answer.status_code == 409
    assert "Make a referral" in text_of(answer.content)
    assert rows(superuser, CallRecord) == 0


@pytest.fixture
def phone_only():
    """ywca, as an agency that takes no notices, so that others have to call it."""
    turn = "UPDATE permissions_agency SET takes_notices = %s WHERE id = %s"
    with connections["jobs"].cursor() as cursor:
        cursor.execute(turn, [False, agency_id("ywca")])
        yield service_of("ywca")
        cursor.execute(turn, [True, agency_id("ywca")])


@pytest.fixture
def in_the_list(officer):
    """What the list of what was found says of one service."""

    def row(service):
        own_page = officer.get(f"/desk/directory/{service}").content.decode()
        name = re.search(r"<h1>(.*?)</h1>", own_page)
        page = officer.submit("/desk/directory", {"words": unescape(name[1])}).content.decode()
        rows_of = re.findall(r"<li><div class=\"plain\">.*?</div></li>", page, re.S)
        return next(one for one in rows_of if str(service) in one)

    return row


def test_what_takes_no_referral_now_is_called_on_every_page(
    officer, story, phone_only, in_the_list
):
    """The desk never leads to a referral that cannot be sent."""
    refer = f"/desk/referrals/new?service={phone_only}"
    call = f"/desk/calls/new?service={phone_only}"
    page = officer.get(f"/desk/directory/{phone_only}").content.decode()
    assert refer not in page
    assert call in page
    assert "It takes no referrals right now. Call, then record the call." in text_of(page)
    row = in_the_list(phone_only)
    assert refer not in row
    assert call in row
    assert "Not taking referrals right now. Call, then record the call." in text_of(row)
    page = officer.get(refer).content.decode()
    assert "No referral can be sent there right now." in text_of(page)
    assert call in page


def test_the_next_service_that_takes_no_referral_now_is_called(officer, api, phone_only):
    before = Story(api, service_of("sarc"), recipient="sarc.worker").send()
    before.sends("set_plan", {"services": [phone_only]})
    before.answers("decline", {"code": "no_capacity"})
    page = officer.get(f"/desk/referrals/{before.id}").content.decode()
    assert f"/desk/calls/new?service={phone_only}" in page
    assert f"/desk/referrals/new?service={phone_only}" not in page


def test_what_takes_referrals_is_referred_to_on_every_page(officer, in_the_list):
    service = service_of("ywca")
    for page in (
        officer.get(f"/desk/directory/{service}").content.decode(),
        in_the_list(service),
    ):
        assert f"/desk/referrals/new?service={service}" in page
        assert f"/desk/calls/new?service={service}" not in page


def test_earlier_calls_are_a_page_away(officer, superuser, monkeypatch):
    monkeypatch.setattr(call_records, "SHOWN", 2)
    for outcome in ("reached", "no_answer", "full"):
        path = f"/desk/calls/new?service={phone_only_service()}"
        officer.submit(path, {"outcome": outcome, "put_through": "no"})
    assert rows(superuser, CallRecord) == 3
    said = re.compile(r"<p>([^<]+)</p><p class=\"quiet small\">")
    page = officer.get("/desk/calls").content.decode()
    first = said.findall(page)
    assert "Back to newest" not in page
    page = officer.get(re.search(r'href="(/desk/calls\?after=[^"]+)"', page)[1]).content.decode()
    assert (len(first), len(said.findall(page))) == (2, 1)
    assert first[0] == "Full"
    assert len({*first, *said.findall(page)}) == 3
    assert "Older" not in page
    assert "Back to newest" in page
