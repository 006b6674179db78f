"""An editor publishes no entry under another's name, and none that takes referrals, by themselves:
a second person reviews it first. Until then no reader sees any of it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import ProgrammingError, connections, transaction

from directory import models as m
from permissions.database.uuid7 import uuid7
from permissions.models import Agency
from tests.directory.own_services import ORGANIZATIONS, SERVICES, a_service, tag
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_services import ywca as ywca  # a fixture
from tests.support.ground.database import identify
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.directory_entries import OURS

PROPOSALS = "/v1/directory/proposals"


def pending(api: Any, who: str) -> list[Any]:
    found: list[Any] = api(who).get(PROPOSALS).json()["items"]
    return found


def decided(api: Any, who: str, proposal: str, what: str) -> int:
    status: int = api(who).post(f"{PROPOSALS}/{proposal}/{what}").status_code
    return status


def seen(api: Any, words: str) -> set[str]:
    """The names that a search finds, for the public and for the network's members."""
    found = set()
    for who in (None, "police.worker"):
        for path in (SERVICES, ORGANIZATIONS):
            answer = api(who).get(path, {"search": words}).json()
            found |= {one["name"] for one in answer["contents"]}
    return found


def answered(**more: Any) -> dict[str, Any]:
    return a_service(answered_by=str(agency_id("ywca")), **more)


@pytest.fixture
def service(ywca: Caller, superuser: Any) -> str:
    """The address of a service of ours that takes referrals; another person has approved it."""
    path = f"{SERVICES}/{uuid7()}"
    assert ywca.put(path, answered()).status_code == 202
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE directory_proposal SET state = 'approved', decided_at = now()")
    assert ywca.put(path, answered()).status_code == 201
    return path


@pytest.fixture
def agency_name() -> str:
    return str(Agency.objects.using("jobs").get(id=agency_id("ywca")).name)


@pytest.fixture
def made_organizations(superuser: Any) -> Iterator[None]:
    before = set(m.Organization.objects.using("jobs").values_list("id", flat=True))
    yield
    new = m.Organization.objects.using("jobs").exclude(id__in=before)
    assert not new.exists(), "the test takes away what it publishes"


@pytest.mark.usefixtures("made_organizations")
@pytest.mark.parametrize("style", ["{}", "  the {}!", "{} Inc", "x"])
def test_an_editor_of_any_agency_publishes_nothing_under_anothers_name(
    api: Any, agency_name: str, style: str
) -> None:
    """With a number of their own under the shelter's name, which police would call."""
    name = style.format(agency_name.upper() if style == "{}" else agency_name)
    names = {"name": "Helpers of nowhere", "alternate_name": agency_name}
    body = (names if style == "x" else {"name": name}) | {"description": "Call 406-555-0199."}
    path = f"{ORGANIZATIONS}/{uuid7()}"
    forger = api("sarc.editor")
    answer = forger.put(path, body)
    assert answer.status_code == 202, answer.content
    proposal = answer.json()["proposal_id"]
    assert forger.put(path, body).json()["proposal_id"] == proposal, "twice is once"
    assert api(None).get(path).status_code == 404
    assert forger.get(path).status_code == 404
    assert body["name"] not in seen(api, body["name"])
    assert decided(api, "sarc.editor", proposal, "approve") == 404, "not by themselves"
    assert decided(api, "sarc.client", proposal, "approve") == 404
    assert decided(api, "police.worker", proposal, "approve") == 404
    (mine,) = pending(api, "sarc.editor")
    assert (mine["state"], mine["may_decide"]) == ("waiting", False)
    (meant,) = pending(api, "ywca.editor")
    assert meant["reasons"] == ["resembles_another"]
    assert meant["agency_id"] == str(agency_id("sarc"))
    assert (meant["may_decide"], meant["member_id"]) == (True, None)
    assert pending(api, "hospital.editor") == []
    assert decided(api, "ywca.editor", proposal, "reject") == 204
    assert pending(api, "sarc.editor") == []
    assert forger.post(f"{PROPOSALS}/{proposal}/publish").status_code == 404
    assert api(None).get(path).status_code == 404


def test_whom_it_resembles_approves_it_and_its_own_editor_publishes_it(
    api: Any, service: str, ywca: Caller
) -> None:
    other = Agency.objects.using("jobs").get(id=agency_id("sarc")).name
    answer = ywca.patch(service, {"name": other}, If_Match=tag(ywca, service))
    proposal = answer.json()["proposal_id"]
    assert decided(api, "sarc.editor", proposal, "approve") == 204
    assert ywca.get(service).json()["name"] == "Night line"
    paused = ywca.patch(service, {"intake_paused": True}, If_Match=tag(ywca, service))
    assert paused.status_code == 200
    assert decided(api, "sarc.editor", proposal, "publish") == 404
    assert decided(api, "ywca.editor", proposal, "publish") == 204
    assert api(None).get(service).json()["name"] == other
    assert pending(api, "ywca.editor") == []
    again = ywca.patch(service, {"name": "Night line"}, If_Match=tag(ywca, service))
    assert again.status_code == 202, "each name is reviewed"


def test_a_new_service_that_takes_referrals_waits_for_a_second_person(api: Any) -> None:
    path = f"{SERVICES}/{uuid7()}"
    answer = api("ywca.editor").put(path, answered())
    proposal = answer.json()["proposal_id"]
    assert answer.status_code == 202
    assert api("police.worker").get(path).status_code == 404
    page = text_of(at_the_desk("ywca.lead").get("/desk/proposals").content)
    assert "Not reviewed yet" in page
    assert "It takes referrals." in page
    desk = at_the_desk("ywca.lead")
    action = f"/desk/proposals/{proposal}/approve"
    assert "Approved." in text_of(desk.submit("/desk/proposals", action=action).content)
    assert api(None).get(path).json()["name"] == "Night line"


def test_a_renamed_service_stays_public_under_its_reviewed_name(api: Any, service: str) -> None:
    editor = api("ywca.editor")
    change = {"name": "Day line", "alert": "Moved"}
    answer = editor.patch(service, change, If_Match=tag(editor, service))
    assert answer.status_code == 202
    for who in (None, "police.worker", "ywca.editor"):
        shown = api(who).get(service).json()
        assert (shown["name"], shown.get("alert")) == ("Night line", None)
    paused = editor.patch(service, {"intake_paused": True}, If_Match=tag(editor, service))
    assert paused.status_code == 200, "what needs no review does not wait"
    assert decided(api, "ywca.lead", answer.json()["proposal_id"], "approve") == 204
    shown = api(None).get(service).json()
    assert (shown["name"], shown["alert"], shown["intake_paused"]) == ("Day line", "Moved", True)


def test_a_service_that_begins_to_take_referrals_waits(api: Any, ywca: Caller) -> None:
    """First by phone only, under an invented name, then answered by the editor's own agency."""
    path = f"{SERVICES}/{uuid7()}"
    assert ywca.put(path, a_service()).status_code == 201
    answer = ywca.patch(path, {"answered_by": str(agency_id("ywca"))}, If_Match=tag(ywca, path))
    assert answer.status_code == 202
    assert pending(api, "ywca.lead")[0]["reasons"] == ["takes_referrals"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE directory_service SET name = 'Another' WHERE id = %(id)s",
        "UPDATE directory_service SET alternate_name = 'Another' WHERE id = %(id)s",
        "SELECT sec.create_organization(jsonb_build_object('id', gen_random_uuid(), 'name',"
        " %(name)s, 'alternate_name', '', 'description', '', 'email', '', 'website', '',"
        " 'tax_status', '', 'tax_id', '', 'legal_status', '', 'logo', '', 'uri', '',"
        " 'confidential', false), gen_random_uuid())",
    ],
)
def test_by_raw_sql_an_editor_publishes_no_name_that_was_not_reviewed(
    api: Any, service: str, statement: str
) -> None:
    name = Agency.objects.using("jobs").get(id=agency_id("sarc")).name
    values = {"id": UUID(service.rsplit("/", 1)[1]), "name": name}
    with transaction.atomic(using="editor"), connections["editor"].cursor() as cursor:
        identify(cursor, api("ywca.editor"))
        with (
            pytest.raises(ProgrammingError, match="it waits for review"),
            transaction.atomic(using="editor"),
        ):
            cursor.execute(statement, values)


def test_an_editor_approves_nothing_of_another_agencys_that_does_not_resemble_theirs(
    api: Any, service: str
) -> None:
    editor = api("ywca.editor")
    answer = editor.patch(service, {"name": "Day line"}, If_Match=tag(editor, service))
    proposal = answer.json()["proposal_id"]
    for who in ("sarc.editor", "hospital.lead", "ywca.worker", "ywca.admin"):
        assert decided(api, who, proposal, "approve") == 404, who
    assert decided(api, "ywca.lead", str(uuid4()), "approve") == 404


def test_the_outside_reviewer_decides_where_there_is_no_second_person(
    api: Any, superuser: Any, service: str
) -> None:
    editor = api("ywca.editor")
    answer = editor.patch(service, {"name": "Day line"}, If_Match=tag(editor, service))
    proposal = answer.json()["proposal_id"]
    name = "UPDATE permissions_agency SET outside_reviewer_id = %s WHERE id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(name, [str(member_id("police.lead")), str(agency_id("ywca"))])
        try:
            assert decided(api, "police.lead", proposal, "approve") == 204
        finally:
            cursor.execute(name, [None, str(agency_id("ywca"))])
    assert editor.post(f"{PROPOSALS}/{proposal}/publish").status_code == 204
    assert api(None).get(service).json()["name"] == "Day line"


def test_an_import_is_not_held(agency_name: str) -> None:
    """The operator's, as `jobs`."""
    with transaction.atomic(using="jobs"):
        made = m.Service(part_of_id=OURS, organization_id=OURS, name=agency_name)
        made.save(using="jobs")
        transaction.set_rollback(True, using="jobs")
