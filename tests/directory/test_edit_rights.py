"""Who may edit an entry of the directory, and two edits at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from directory import models as m
from permissions import assignments
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Client
from tests.directory.own_services import (
    HIDDEN,
    SERVICES,
    a_service,
    changes_of,
    history_of,
    refusal,
    tag,
)
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_services import service as service  # a fixture
from tests.directory.own_services import ywca as ywca  # a fixture
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.directory_entries import LOCATIONS, OURS, THEIRS, a_location

# -- Who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "acting", "status", "code"),
    [
        ("ywca.editor", None, 200, ""),
        ("ywca.lead", None, 200, ""),
        ("ywca.client", None, 200, ""),
        ("ywca.client", "ywca.editor", 200, ""),
        ("ywca.client", "ywca.worker", 403, "role_missing"),
        ("ywca.worker", None, 403, "role_missing"),
        ("ywca.admin", None, 403, "role_missing"),
        ("ywca.auditor", None, 403, "role_missing"),
        ("sarc.editor", None, 403, "not_yours"),
        ("outsider.client", None, 403, "not_yours"),
        (None, None, 401, "not_authenticated"),
    ],
)
def test_an_entry_is_changed_by_the_editors_of_its_organization(
    api: Any, service: str, who: str | None, acting: str | None, status: int, code: str
) -> None:
    before = m.Change.objects.using("jobs").count()
    caller = api(who, acting)
    etag = tag(api(None), service)
    answer = caller.patch(service, {"alert": "changed"}, If_Match=etag)
    assert answer.status_code == status, answer.content
    assert (m.Change.objects.using("jobs").count() > before) == (status == 200)
    if status != 200:
        assert answer.json()["code"] == code
        assert len(history_of(service)) == 1


def test_a_client_needs_the_scope(api: Any, service: str) -> None:
    caller = api(None)
    caller.secret = f"a-token-of-a-test-{uuid4()}"
    client = Client.objects.get(client_id="demo-ywca")
    credentials.open_for_client(client, caller.secret, ["directory:read", "referrals:write"])
    answer = caller.patch(service, {"alert": "x"}, If_Match=tag(caller, service))
    assert refusal(answer)[:2] == (403, "scope_missing")


def test_anothers_confidential_entry_is_not_there_for_a_client_that_reads_none(api: Any) -> None:
    """Like an id that never was (R3), for each method."""
    caller = api(None)
    caller.secret = f"a-token-of-a-test-{uuid4()}"
    client = Client.objects.get(client_id="demo-sarc")
    credentials.open_for_client(client, caller.secret, ["directory:write"])
    for path in (f"{SERVICES}/{HIDDEN}", f"{SERVICES}/{uuid4()}"):
        answer = caller.patch(path, {"alert": "x"}, If_Match='"x"')
        assert refusal(answer) == (404, "not_found", None)
        assert caller.delete(path, If_Match='"x"').status_code == 404
    assert (
        api("sarc.editor").patch(f"{SERVICES}/{HIDDEN}", {"alert": "x"}, If_Match='"x"').status_code
        == 403
    )


def test_a_place_is_by_itself_for_its_editors_only(api: Any) -> None:
    place = m.Location.objects.using("jobs").filter(organization_id=OURS).first()
    assert place
    for who in (None, "ywca.worker", "sarc.editor", "police.lead"):
        answer = api(who).get(f"{LOCATIONS}/{place.id}")
        assert answer.status_code == (401 if who is None else 404), who
        if who:
            assert api(who).put(f"{LOCATIONS}/{place.id}", a_location()).status_code == 404
    assert api("ywca.client").get(f"{LOCATIONS}/{place.id}").status_code == 200


def test_the_editing_is_given_to_another_agency_and_ends_at_the_next_request(
    api: Any, service: str
) -> None:
    sarc, about = api("sarc.editor"), m.Organization(id=OURS)
    assignments.allow_editing(about, agency_id("sarc"))
    try:
        done = sarc.patch(service, {"alert": "theirs"}, If_Match=tag(sarc, service))
        assert done.status_code == 200, done.content
    finally:
        assignments.end_editing(about, agency_id("sarc"))
    again = sarc.patch(service, {"alert": "again"}, If_Match=tag(sarc, service))
    assert refusal(again)[:2] == (403, "not_yours")


def test_nothing_is_made_under_anothers_organization(api: Any, ywca: Caller) -> None:
    for organization in (THEIRS, uuid4()):
        for path, body in ((SERVICES, a_service()), (LOCATIONS, a_location())):
            answer = ywca.put(f"{path}/{uuid7()}", {**body, "organization_id": str(organization)})
            assert refusal(answer)[:2] == (403, "not_yours")


def test_every_edit_and_every_refusal_is_in_the_access_log(
    api: Any, superuser: Any, ywca: Caller, service: str
) -> None:
    api("sarc.editor").patch(service, {"alert": "x"}, If_Match='"x"')
    api("ywca.worker").patch(service, {"alert": "x"}, If_Match='"x"')
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT member_id, decision, rule, fields IS NOT NULL FROM access_entry"
            " WHERE act = 'directory.edit' AND directory_id = %s ORDER BY at, id",
            [service.rsplit("/", 1)[1]],
        )
        rows = cursor.fetchall()
    assert rows == [
        (member_id("ywca.editor"), "allowed", None, True),
        (member_id("sarc.editor"), "refused", "not_yours", False),
        (member_id("ywca.worker"), "refused", "role_missing", False),
    ]


# -- Preconditions ---------------------------------------------------------------------------------


def test_a_change_names_what_it_changes(ywca: Caller, service: str) -> None:
    changed = a_service(name="Other")
    for answer, expected in (
        (ywca.put(service, changed), (428, "match_required", None)),
        (ywca.patch(service, {"name": "Other"}), (428, "match_required", None)),
        (ywca.put(service, changed, If_Match='"other"'), (412, "stale", None)),
        (ywca.patch(service, {"name": "Other"}, If_Match='W/"x"'), (412, "stale", None)),
        (ywca.put(service, changed, If_None_Match="*"), (412, "stale", None)),
        (
            ywca.put(f"{SERVICES}/{uuid7()}", a_service(), If_Match='"x"'),
            (412, "stale", None),
        ),
    ):
        assert refusal(answer) == expected
    old = tag(ywca, service)
    assert ywca.patch(service, {"name": "Other"}, If_Match=f'"x", {old}').status_code == 200
    assert refusal(ywca.patch(service, {"name": "Third"}, If_Match=old))[0] == 412
    assert ywca.patch(service, {"name": "Third"}, If_Match="*").status_code == 200
    new = f"{SERVICES}/{uuid7()}"
    assert ywca.put(new, a_service(), If_None_Match="*").status_code == 201


def test_of_two_changes_at_once_one_is_done(api: Any, service: str) -> None:
    etag = tag(api(None), service)
    callers = [api("ywca.editor") for _ in range(6)]

    def change(number: int) -> int:
        try:
            body = {"alert": f"change {number}"}
            return int(callers[number].patch(service, body, If_Match=etag).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(change, range(6)))
    assert answers == [200, 412, 412, 412, 412, 412]
    assert len(history_of(service)) == 2


def test_the_same_id_made_at_once_is_made_once(api: Any) -> None:
    path = f"{SERVICES}/{uuid7()}"
    callers = [api("ywca.editor") for _ in range(5)]

    def make(number: int) -> int:
        try:
            return int(callers[number].put(path, a_service()).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(make, range(5)))
    assert answers.count(201) == 1
    assert set(answers) <= {200, 201, 409}
    assert changes_of(path) == ["created"]
    assert len(history_of(path)) == 1
    assert m.Phone.objects.using("jobs").filter(service_id=path.rsplit("/", 1)[1]).count() == 1
