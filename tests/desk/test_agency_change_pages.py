"""What was changed at the agency, for its leads and administrators."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.utils import translation

from api.desk.agency.agency_changes import line_of
from api.desk.agency.words import SCOPES, code_words
from api.desk.agency.words import SETTINGS as SETTINGS_SAID
from permissions.audit import actions
from permissions.audit.agency_changes import Change
from permissions.models import AGENCY_KINDS, DUTIES, ROLES, Membership
from tests.identity.operators import client
from tests.support.people.access_log import enter
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.own_systems import CHANGES, SETTINGS, SYSTEMS, added, pair
from tests.support.people.own_systems import as_before as as_before  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")


def rows(page: bytes | str) -> list[str]:
    page = page.decode() if isinstance(page, bytes) else page
    return [text_of(row) for row in re.findall(r"<tr>(?!<th).*?</tr>", page, re.S)]


def test_changes_are_listed_newest_first_with_who_and_about_what() -> None:
    pages = at_the_desk("ywca.admin")
    system = added(pages, pair(), scopes=["events:read"], origin="anywhere", networks="")
    client("quota", system.client_id, "9")
    pages.submit(f"{SYSTEMS}/{system.id}/end")
    pages.submit(SETTINGS, {"takes_notices": "no", "time_zone": "America/Chicago"})
    for who in ("ywca.admin", "ywca.lead"):
        listed = rows(at_the_desk(who).get(CHANGES).content)
        # Tests that moved the clock have left entries of other acts, dated later.
        ours = ("agency's settings", "Campus records")
        settings, end, quota, add = [one for one in listed if any(x in one for x in ours)][:4]
        assert "Changed the agency's settings by phone only, Time zone" in settings
        assert "Ended the access of a partner system Campus records" in end
        assert "Network operator Daily limit changed, by the operator Campus records" in quota
        assert "Added a partner system Campus records Read our feed of events, from any" in add
        assert "100 referrals a day, key " in add
    name = Membership.objects.using("signin").get(id=member_id("ywca.admin")).name
    assert f"{name} Ended the access" in end


# Every code that an entry of these acts may have: what the sources write, kind by kind.
ID = "7f" * 16
CODES = (
    *ROLES,
    *AGENCY_KINDS,
    *DUTIES,
    *SCOPES,
    *SETTINGS_SAID,
    *("proposed", "in_force", "withdrawn", "system_of_record", "from_anywhere", "keys_url"),
    *("no_keys_url", "takes_notices:yes", "takes_notices:no", "retention_days:30", "quota:9"),
    *("staff_ref", "no_staff_ref"),
    *("networks:2", f"invitation:{ID}", f"member:{ID}", f"agency:{ID}", f"system:{ID}"),
)
RAW = re.compile(r"[0-9a-f]{8}|\b[a-z]+_[a-z_]+\b|\b\w+:\w|\b[a-z]+\.[a-z_]+\b")


def test_no_act_and_no_code_is_shown_raw(superuser: Any) -> None:
    """Each act with each code, by a member, by the operator and in Spanish."""
    mine = {"member_id": str(member_id("sarc.admin"))}
    with superuser.cursor() as cursor:
        for act in actions.changes():
            enter(cursor, "sarc", act=act, fields=list(CODES), **mine)
            enter(cursor, "sarc", act=act, fields=[f"invitation:{ID}", f"invitation:{'8e' * 16}"])
    for language in ("en", "es"):
        pages, path, seen = at_the_desk("sarc.lead"), CHANGES, []
        while path and len(seen) < 2 * len(actions.changes()):
            answer = pages.http.get(path, headers={"accept-language": language})
            page = answer.content.decode()
            seen += rows(page)
            following = re.search(r'href="(/desk/agency/changes\?after=[^"]+)"', page)
            path = following[1].replace("&amp;", "&") if following else ""
        shown = seen[: 2 * len(actions.changes())]
        assert len(shown) == 2 * len(actions.changes())
        for line in shown:
            said = re.sub(r"\d{1,2}:\d\d(:\d\d)?|\b[ap]\.\s?m\.", "", line)  # when
            assert not RAW.search(said), (language, RAW.search(said), line)


@pytest.mark.no_database
@pytest.mark.parametrize("code", CODES)
def test_each_code_has_words(code: str) -> None:
    """And not the code itself with spaces in it: that has no translation."""
    with translation.override("es"):
        said = code_words(code, {})
    assert said
    assert said != code.replace("_", " ")


def test_an_entry_says_whom_it_is_about() -> None:
    """A member by name, an invitation, another agency by name, several invitations by number."""
    names = {UUID(ID): "Ada Sample"}
    entry = {"id": UUID(int=1), "at": datetime(2026, 11, 28, tzinfo=UTC), "client_id": None}
    for act, codes, about, details in (
        ("staff.end", [f"member:{ID}"], "Ada Sample", ""),
        ("staff.invite", [f"invitation:{ID}", "worker"], "an invitation", "Worker"),
        ("staff.invite", [f"invitation:{ID}", f"invitation:{'8e' * 16}"], "2 invitations", ""),
        ("agency.confirm_number", [f"agency:{ID}"], "Ada Sample", ""),
        ("agency.change_number", ["in_force"], "", "the new number counts"),
        ("member.invite", [f"invitation:{ID}"], "an invitation", ""),
    ):
        change = Change(**entry, member_id=None, act=act, codes=codes, system=None, refused=False)
        line = line_of(change, names)
        assert (line.about, line.details) == (about, details), act
        assert line.who == ("Network operator" if act == "member.invite" else "")


def test_a_confirmed_number_names_the_other_agency(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        enter(
            cursor,
            "sarc",
            act="agency.confirm_number",
            member_id=str(member_id("sarc.lead")),
            fields=[f"agency:{agency_id('ywca').hex}"],
        )
    said = rows(at_the_desk("sarc.lead").get(CHANGES).content)
    assert any("Confirmed another agency's number Demo Women's Centre" in one for one in said)


@pytest.mark.parametrize("who", ["worker", "editor", "auditor"])
def test_it_is_for_leads_and_administrators(who: str) -> None:
    pages = at_the_desk(f"ywca.{who}")
    answer = pages.get(CHANGES)
    assert answer.status_code == 403
    assert "for its leads and administrators" in text_of(answer.content)
    assert "Changes at our agency" not in text_of(pages.get("/desk/directory").content)


def test_it_has_no_entry_of_another_agency_and_none_that_is_no_change(superuser: Any) -> None:
    before = rows(at_the_desk("ywca.lead").get(CHANGES).content)
    added(at_the_desk("police.admin"), pair(), name="Police records")
    with superuser.cursor() as cursor:
        enter(cursor, "ywca", act="referral.read", member_id=str(member_id("ywca.worker")))
        enter(cursor, "ywca", act="partner.end", decision="refused", rule="not_found")
    assert rows(at_the_desk("ywca.lead").get(CHANGES).content) == before


def test_it_is_read_page_by_page(superuser: Any) -> None:
    mine = {"member_id": str(member_id("sarc.admin")), "act": "agency.set"}
    with superuser.cursor() as cursor:
        for days in range(7, 67):
            enter(cursor, "sarc", fields=[f"retention_days:{days}"], **mine)
    lead = at_the_desk("sarc.lead")
    seen, path = [], CHANGES
    for _ in range(20):
        page = lead.get(path).content.decode()
        seen += [int(found) for found in re.findall(r"kept for (\d+) days", page)]
        following = re.search(r'href="(/desk/agency/changes\?after=[^"]+)"', page)
        if not following:
            break
        path = following[1].replace("&amp;", "&")
    assert seen[:60] == list(range(66, 6, -1))
    assert at_the_desk("ywca.lead").get(path).status_code in (200, 400)
    foreign = at_the_desk("ywca.lead").get(f"{CHANGES}?after=invented")
    assert foreign.status_code == 400


def test_reading_it_is_an_entry(superuser: Any) -> None:
    answer = at_the_desk("ywca.lead").get(CHANGES)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, agency_id::text FROM access_entry WHERE request_id = %s",
            [answer["X-Request-Id"]],
        )
        assert cursor.fetchall() == [("agency.read_changes", str(agency_id("ywca")))]


def test_the_auditor_reads_what_was_changed_in_words() -> None:
    system = added(at_the_desk("ywca.admin"), pair(), scopes=["packets:read"])
    page = at_the_desk("ywca.auditor").get("/desk/access-log", {"act": "partner.add"})
    shown = text_of(page.content)
    assert "Added a partner system" in shown
    assert f"system {system.id.hex[-8:]}" in shown
    assert "Open packets and notes, for a named member" in shown
