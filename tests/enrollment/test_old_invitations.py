"""A person who was invited and never came is forgotten, and their link stays dead."""

from typing import Any

from permissions.enrollment import old_invitations
from permissions.keys import closings
from permissions.models import Invitation, Membership, ScimUser, SealedMessage
from tests.enrollment.links import NEW, invite, joined, opened
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.scim.provider import Provider, link_sent, make_token
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import at_the_desk, text_of

ALL = "TABLE permissions_invitation"


def run() -> None:
    while old_invitations.step():
        pass


def test_an_invitation_that_no_one_used_is_deleted_a_month_after_its_end(
    network: Any, superuser: Any, shift_clock: Any
) -> None:
    unused = invite()
    ended = invite(address="other@newcomer.invalid", name="Ned Never")
    which = Invitation.objects.using("signin").get(name="Ned Never").id
    at_the_desk("ywca.admin").submit("/desk/members", {"which": str(which)})
    ids = [one.id for one in Invitation.objects.using("signin").all()]
    shift_clock("29 days")
    run()
    assert len(rows(superuser, ALL)) == 2, "not yet"
    shift_clock("30 days 1 hour")
    run()
    assert [one.name for one in Invitation.objects.using("signin").all()] == ["Nia Newcomer"]
    shift_clock("33 days")
    run()
    run()
    assert rows(superuser, ALL) == []
    assert SealedMessage.objects.count() == 0
    assert "Nia Newcomer" not in str(rows(superuser, "TABLE permissions_sealedmessage"))
    shift_clock("0")
    for link in (unused, ended):
        assert "does not work" in text_of(opened(link).get("/join").content)
    assert all(closings.least_version(one.hex) >= 2 for one in ids)


def test_a_row_from_a_backup_stays_dead(network: Any, superuser: Any, shift_clock: Any) -> None:
    link = invite()
    with superuser.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE backup AS TABLE permissions_invitation")
    superuser.commit()
    shift_clock("40 days")
    run()
    shift_clock("0")
    with superuser.cursor() as cursor:
        cursor.execute("INSERT INTO permissions_invitation SELECT * FROM backup; DROP TABLE backup")
    superuser.commit()
    assert "does not work" in text_of(opened(link).get("/join").content)


def test_who_came_stays_known(network: Any, shift_clock: Any) -> None:
    joined(invite())
    shift_clock("90 days")
    run()
    shift_clock("0")
    used = Invitation.objects.using("signin").get()
    assert used.member_id == Membership.objects.using("signin").get(person__username=NEW).id


def test_the_names_of_a_provider_go_along(network: Any, superuser: Any, shift_clock: Any) -> None:
    provider = Provider(make_token())
    user = provider.invite().json()
    link_sent()
    shift_clock("33 days")
    run()
    shift_clock("0")
    assert not ScimUser.objects.using("signin").exists()
    assert rows(superuser, ALL) == []
    assert provider.get(f"/scim/v2/Users/{user['id']}").status_code == 404


def test_killed_half_way_it_goes_on(network: Any, superuser: Any, shift_clock: Any) -> None:
    invite()
    found = Invitation.objects.using("signin").get()
    closings.close([(found.id.hex, 2)])  # the journal was written, the row was not deleted
    shift_clock("33 days")
    run()
    assert rows(superuser, ALL) == []
