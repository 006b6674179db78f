"""Who left and returns has nothing of what was theirs: no assignment, no session, no right to edit.

What they worked on goes on meanwhile (tests/referrals/test_unheld.py).
"""

from typing import Any

import pytest

from directory import models as m
from tests.referrals.blocked_referrals import opened as opened  # a fixture
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id, member_id
from tests.support.people.left import bind_as_it_is, set_active
from tests.support.people.left import roles_and_entries as roles_and_entries  # a fixture
from tests.support.people.stories import Story, to

OPENS = {"purpose": "intake"}


@pytest.mark.usefixtures("roles_and_entries")
@pytest.mark.parametrize("how", ["membership", "person", "agency", "role"])
def test_who_left_and_returns_opens_nothing_that_they_worked_on(
    opened: Story, api: Any, how: str
) -> None:
    """An advocate leaves, and comes back years later to answer the phone."""
    opened.answers("assign", to("ywca.worker2"))
    session = api("ywca.worker")
    assert session.act(opened.id, "open_packet", OPENS).status_code == 200
    set_active("ywca.worker", how, False)
    assert session.act(opened.id, "open_packet", OPENS).status_code in (401, 404)
    set_active("ywca.worker", how, True)
    if how != "role":
        assert session.get("/v1/referrals").status_code == 401, "the session stays ended"
    again = api("ywca.worker").act(opened.id, "open_packet", OPENS)
    assert (again.status_code, again.json()["code"]) == (403, "not_assigned")
    shown = api("ywca.lead").get(f"/v1/referrals/{opened.id}").json()
    assert (shown["status"], shown["holder"]) == ("accepted", None)
    left = [] if how == "agency" else [str(member_id("ywca.worker2"))]
    assert [one["id"] for one in shown["assigned"]] == left
    assert api("police.worker").act(opened.id, "open_packet", OPENS).status_code == 200


@pytest.mark.usefixtures("roles_and_entries")
@pytest.mark.parametrize("how", ["membership", "person", "agency"])
def test_a_directory_editor_who_left_and_returns_edits_nothing(api: Any, how: str) -> None:
    entry = m.Service.objects.using("jobs").filter(answered_by_id=agency_id("ywca"))[0]
    path = f"/v1/directory/services/{entry.id}"
    set_active("ywca.editor", how, False)
    set_active("ywca.editor", how, True)
    editor = api("ywca.editor")
    answer = editor.patch(path, {"alert": "Call this number"}, If_Match=editor.get(path)["ETag"])
    assert answer.status_code == 403, answer.content


def test_a_member_who_left_under_an_earlier_release_returns_to_nothing(
    opened: Story, api: Any, superuser: Any
) -> None:
    """Their assignment is still there, as it was before ends took it away."""
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE permissions_membership SET active = false, live = false WHERE id = %s",
            [str(member_id("ywca.worker"))],
        )
    bind_as_it_is("ywca.worker")
    set_active("ywca.worker", "membership", True)
    assert api("ywca.worker").act(opened.id, "open_packet", OPENS).status_code == 403


def test_who_leaves_while_a_colleague_assigns_them_is_assigned_to_nothing(
    opened: Story, api: Any, race: Race
) -> None:
    """The end came first and has not committed yet: the assignment waits, and finds no member."""
    lead, whom = api("ywca.lead"), str(member_id("ywca.worker2"))
    end = "UPDATE permissions_membership SET active = false WHERE id = %s"
    with race.held(end, [whom]):
        answer = race.start_and_wait(lambda: lead.act(opened.id, "assign", to("ywca.worker2")))
    assert answer.result(SOON).status_code == 404
    bind_as_it_is("ywca.worker2")
    set_active("ywca.worker2", "membership", True)
    assert api("ywca.worker2").act(opened.id, "open_packet", OPENS).status_code == 403
