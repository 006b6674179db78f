"""A lawyer's opinion lets a victim service provider send notices without a signature, until its day
(34 U.S.C. 12291(b)(2)); the administrator records it, and the log says so."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from permissions.enrollment import notice_opinions
from permissions.identity import row_macs
from permissions.identity.credentials import resolve_credential
from permissions.models import NoticeOpinion
from tests.identity.bound_rows import copied, put_back, write
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story, service_of

PAGE = "/desk/agency/notice-opinion"


@pytest.fixture(autouse=True)
def without_opinions(network: Any, superuser: Any) -> Any:
    yield
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM permissions_noticeopinion")
        cursor.execute("DELETE FROM row_mac WHERE kind = 'noticeopinion'")
    superuser.commit()


def today() -> date:
    return datetime.now(ZoneInfo("America/Denver")).date()  # the agency's own


def given(**changed: str) -> dict[str, str]:
    return {
        "lawyer": "Invented Lawyer",
        "dated": f"{today()}",
        "until": f"{today() + timedelta(days=30)}",
    } | changed


def send(api: Any, agreement: str = "not_asked_unsafe") -> tuple[int, str | None]:
    story = Story(api, service_of("ywca"), sender="sarc.worker").create()
    answer = api("sarc.worker").act(story.id, "send", {"agreement": agreement})
    return answer.status_code, answer.json().get("code")


def test_it_loosens_the_rule_for_its_agency_until_its_day(
    api: Any, superuser: Any, shift_clock: Any
) -> None:
    assert send(api) == (409, "call_instead")
    page = at_the_desk("sarc.admin").submit(PAGE, given())
    assert "A lawyer's opinion counts now" in text_of(page.content)
    assert "Invented Lawyer" in text_of(page.content)
    assert send(api) == (200, None)
    assert send(api, "agrees") == (200, None)
    found = rows(
        superuser,
        "SELECT member_id::text, agency_id::text FROM access_entry"
        " WHERE act = 'agency.loosen_notice' ORDER BY xact DESC LIMIT 1",
    )
    assert [tuple(one) for one in found] == [(str(member_id("sarc.admin")), str(agency_id("sarc")))]
    shift_clock("31 days")
    assert send(api) == (409, "call_instead"), "it ends by itself"


def test_the_administrator_ends_it_at_once(api: Any) -> None:
    pages = at_the_desk("sarc.admin")
    pages.submit(PAGE, given())
    assert send(api) == (200, None)
    pages.submit(PAGE, {"end": "1"})
    assert send(api) == (409, "call_instead")
    assert "(ended)" in text_of(pages.get(PAGE).content)
    pages.submit(PAGE, given())
    assert send(api) == (200, None), "another may be recorded"


@pytest.mark.parametrize(
    "changed",
    [
        {"lawyer": " "},
        {"until": ""},
        {"until": "2020-01-01"},
        {"until": "2099-01-01"},
        {"dated": "2099-01-01"},
        {"dated": "no day"},
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, str], api: Any) -> None:
    page = at_the_desk("sarc.admin").submit(PAGE, given(**changed))
    assert "A lawyer's opinion counts now" not in text_of(page.content)
    assert not NoticeOpinion.objects.exists()


def test_it_is_for_administrators_of_agencies_that_are_bound(api: Any) -> None:
    assert at_the_desk("sarc.lead").get(PAGE).status_code == 403
    assert at_the_desk("police.admin").get(PAGE).status_code == 404
    at_the_desk("ywca.admin").submit(PAGE, given())
    assert send(api) == (409, "call_instead"), "of another agency"
    settings = at_the_desk("sarc.admin").get("/desk/agency/settings").content.decode()
    assert PAGE in settings
    assert PAGE not in at_the_desk("police.admin").get("/desk/agency/settings").content.decode()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO permissions_noticeopinion (id) VALUES (gen_random_uuid())",
        "UPDATE permissions_noticeopinion SET until = '2099-01-01'",
        "DELETE FROM permissions_noticeopinion",
    ],
)
def test_no_serving_role_lengthens_one(statement: str, superuser: Any) -> None:
    with superuser.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SET ROLE app; " + statement)
    superuser.rollback()
    with superuser.cursor() as cursor:
        cursor.execute("RESET ROLE")
    superuser.commit()


# -- Bound: it loosens what may leave --------------------------------------------------------------

OPINION, MAC = "permissions_noticeopinion", "row_mac"
OF = "agency_id = %s"


def sarc() -> list[str]:
    return [str(agency_id("sarc"))]


def test_one_that_a_writer_of_the_database_made_counts_for_nothing(
    api: Any, superuser: Any
) -> None:
    made = (
        "INSERT INTO permissions_noticeopinion (id, agency_id, lawyer, dated, until, member_id,"
        " recorded_at) VALUES (%s, %s, 'Forged', now(), now() + interval '9 days', %s, now())"
    )
    one = str(uuid4())
    write(superuser, made, [one, *sarc(), str(member_id("sarc.admin"))])
    assert send(api) == (409, "call_instead")
    forged = "INSERT INTO row_mac (kind, row_id, version, mac) VALUES ('noticeopinion', %s, 1, %s)"
    write(superuser, forged, [one, b"\0\1" + bytes(32)])
    assert send(api) == (409, "call_instead")
    page = text_of(at_the_desk("sarc.admin").get(PAGE).content)
    assert "(ended)" in page
    at_the_desk("sarc.admin").submit(PAGE, given())
    assert send(api) == (200, None), "it stops no right one"
    at_the_desk("sarc.admin").submit(PAGE, {"end": "1"})
    assert send(api) == (409, "call_instead")
    bound = NoticeOpinion.objects.using("signin").get(id=one)
    assert not row_macs.is_bound(bound), "ending it did not make it good"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("until", f"{today() + timedelta(days=60)}"),
        ("lawyer", "'Another'"),
        ("dated", "2020-01-01"),
        ("agency_id", "ywca"),
    ],
)
def test_a_changed_one_counts_for_nothing(
    column: str, value: str, api: Any, superuser: Any
) -> None:
    other = "sarc" if column != "agency_id" else "ywca"
    at_the_desk(f"{other}.admin").submit(PAGE, given())
    new = str(agency_id("sarc")) if column == "agency_id" else value.strip("'")
    write(
        superuser,
        f"UPDATE permissions_noticeopinion SET {column} = %s WHERE agency_id = %s",
        [new, str(agency_id(other))],
    )
    assert send(api) == (409, "call_instead")


def test_one_that_was_ended_and_put_back_counts_for_nothing(api: Any, superuser: Any) -> None:
    pages = at_the_desk("sarc.admin")
    pages.submit(PAGE, given())
    assert send(api) == (200, None)
    row = copied(superuser, OPINION, OF, sarc())
    its_mac = copied(superuser, MAC, "row_id = %s", [row["id"]])
    pages.submit(PAGE, {"end": "1"})
    write(superuser, "UPDATE permissions_noticeopinion SET ended_at = NULL")
    assert send(api) == (409, "call_instead"), "the end alone taken off"
    put_back(superuser, OPINION, "id", row)
    put_back(superuser, MAC, "row_id", its_mac)
    assert send(api) == (409, "call_instead"), "the whole row and its MAC, as they were"


def test_a_new_binding_key_keeps_it(api: Any) -> None:
    at_the_desk("sarc.admin").submit(PAGE, given())
    row_macs.rebind()
    assert send(api) == (200, None)


def test_its_last_day_is_the_agencys_own(api: Any, superuser: Any, shift_clock: Any) -> None:
    """Until midnight where the agency is, whatever day it is in London."""
    tomorrow = today() + timedelta(days=1)
    at_the_desk("sarc.admin").submit(PAGE, given(until=f"{tomorrow}"))
    sender = resolve_credential(api("sarc.worker").secret)
    assert sender is not None
    evening = datetime.combine(tomorrow, time(23, 30), ZoneInfo("America/Denver"))
    ahead = evening.astimezone(UTC) - datetime.now(UTC)
    shift_clock(str(ahead))  # so late there, it is the day after in London
    assert not notice_opinions.must_sign(sender)
    assert send(api) == (200, None), "and so says the database"
    shift_clock(str(ahead + timedelta(hours=1)))
    assert notice_opinions.must_sign(sender)
    assert send(api)[0] == 409
