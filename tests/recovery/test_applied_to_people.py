"""After a restore, who and what was ended since the backup is ended; who was narrowed has what was
left to them, and works on; who was not touched works on. Nothing waits for `agency confirm`."""

from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import uuid5

from django.core.management import call_command

from api.dev import demo
from permissions.enrollment import members
from permissions.identity import own_account, partner_clients, provisioning, row_macs
from permissions.models import Client, Membership, Person
from permissions.recovery import applying
from tests.recovery.backups import Backup, journaled, restored_to, write
from tests.recovery.backups import backup as backup
from tests.support.people.callers import agency_id, member_id, principal


def membership(who: str) -> Membership:
    return Membership.objects.using("signin").get(id=member_id(who))


def signs_in(api: Any, who: str) -> int:
    """What a fresh sign-in of theirs is answered."""
    return int(api(who).get("/v1/referrals").status_code)


def client_of(key: str) -> Client:
    found: Client = Client.objects.get(id=uuid5(demo.NAMESPACE, f"client {key}"))
    return found


def test_members_and_systems_are_what_they_were_last(
    api: Any, backup: Callable[[], Backup]
) -> None:
    ended, narrowed = membership("ywca.worker2"), membership("sarc.lead")
    person = ended.person
    assert signs_in(api, "ywca.worker2") == signs_in(api, "sarc.lead") == 200
    taken = backup()

    provisioning.end_member(person, ended.agency_id)
    roles = [one for one in narrowed.roles if one != "lead"] or ["worker"]
    provisioning.take_roles(narrowed.agency_id, narrowed.person, roles)
    partner_clients.end_client(client_of("police").client_id)
    partner_clients.lower_quota(client_of("ywca").client_id, 7)

    done = restored_to(taken)
    assert done.conflicts == []
    assert not membership("ywca.worker2").active
    assert membership("sarc.lead").roles == sorted(roles)
    assert not client_of("police").active
    assert client_of("ywca").openings_a_day == 7
    for row in (membership("ywca.worker2"), membership("sarc.lead")):
        assert row_macs.is_bound(row)
    for key in ("police", "ywca"):
        assert row_macs.is_bound(client_of(key))
    assert done.counts["permissions_membership", agency_id("ywca")] == 1

    for who in ("sarc.lead", "ywca.worker", "police.worker"):
        assert signs_in(api, who) == 200, who
    assert signs_in(api, "ywca.worker2") == 401
    assert signs_in(api, "police.client") == 401
    assert signs_in(api, "ywca.client") == 200
    said = StringIO()
    call_command("agency", "confirm", str(agency_id("ywca")), stdout=said)
    assert "worker2" not in said.getvalue()


def test_a_staff_number_that_moved_since_names_no_one_until_it_is_set(
    api: Any, backup: Callable[[], Backup]
) -> None:
    admin = principal(api("hospital.admin"))
    moved, kept = member_id("hospital.worker2"), member_id("hospital.lead")
    members.set_staff_ref(admin, moved, "badge 4711")
    members.set_staff_ref(admin, kept, "4712")
    taken = backup()

    members.set_staff_ref(admin, moved, None)
    members.set_staff_ref(admin, member_id("hospital.editor"), "badge 4711")
    members.set_staff_ref(admin, moved, "4713")
    assert "badge" not in "".join(str(one.data) for one in journaled())

    assert restored_to(taken).conflicts == []
    for who, staff_ref in (
        ("hospital.worker2", None),
        ("hospital.editor", None),
        ("hospital.lead", "4712"),
    ):
        found = membership(who)
        assert (found.staff_ref, found.active, row_macs.is_bound(found)) == (staff_ref, True, True)
    system = api("hospital.client")
    for staff_ref, status in (("badge 4711", 403), ("4713", 403), ("4712", 200)):
        answer = system.get("/v1/me", Acting_Member=f"staff_ref:{staff_ref}")
        assert answer.status_code == status, staff_ref
    again = principal(api("hospital.admin"))
    members.set_staff_ref(again, member_id("hospital.editor"), "badge 4711")
    answer = api("hospital.client").get("/v1/me", Acting_Member="staff_ref:badge 4711")
    assert answer.json()["member"]["id"] == str(member_id("hospital.editor"))


def test_a_member_who_left_and_came_back_since_is_as_in_the_backup_and_without_a_number(
    api: Any, backup: Callable[[], Backup]
) -> None:
    admin, who = principal(api("sarc.admin")), member_id("sarc.worker2")
    members.set_staff_ref(admin, who, "4711")
    members.end(admin, who)
    taken = backup()
    members.bring_back(admin, who)
    assert restored_to(taken).conflicts == []
    found = membership("sarc.worker2")
    assert (found.staff_ref, found.active, row_macs.is_bound(found)) == (None, False, True)
    members.bring_back(principal(api("sarc.admin")), who)
    assert signs_in(api, "sarc.worker2") == 200


def test_every_sign_in_of_before_has_ended(api: Any, backup: Callable[[], Backup]) -> None:
    held = api("police.worker2")
    assert held.get("/v1/referrals").status_code == 200
    taken = backup()
    provisioning.end_member(membership("police.lead").person, agency_id("police"))
    restored_to(taken)
    assert held.get("/v1/referrals").status_code == 401
    assert signs_in(api, "police.worker2") == 200
    assert signs_in(api, "police.lead") == 401


def test_an_agency_that_ended_is_ended(api: Any, backup: Callable[[], Backup]) -> None:
    assert signs_in(api, "outsider.worker") == 200
    taken = backup()
    call_command("agency", "set", str(agency_id("outsider")), "--active", "no", stdout=StringIO())
    assert restored_to(taken).conflicts == []
    assert signs_in(api, "outsider.worker") == 401


def test_a_changed_password_lets_no_older_one_in(api: Any, backup: Callable[[], Backup]) -> None:
    person = membership("hospital.worker").person
    taken = backup()
    with own_account.changing(person, None) as found:
        found.set_password("another long invented password")
        found.save(using="signin", update_fields=["password"])
    done = restored_to(taken)
    (conflict,) = done.conflicts
    assert (conflict.kind, conflict.row) == ("permissions_person", str(person.id))
    assert not row_macs.is_bound(Person.objects.using("signin").get(pk=person.pk))


def test_what_a_stranger_wrote_into_the_backup_is_not_made_good(
    api: Any, backup: Callable[[], Backup]
) -> None:
    """Someone who can write the backup gives a member a role, and waits for a restore."""
    member = membership("solo.all")
    taken = backup()
    provisioning.take_roles(member.agency_id, member.person, ["worker"])
    entries = journaled()
    write(
        taken.restore(),
        "UPDATE permissions_membership SET roles = '{lead,agency_admin,worker}' WHERE id = %s",
        [str(member.id)],
    )
    done = applying.apply(entries)
    (conflict,) = done.conflicts
    assert conflict.row == str(member.id)
    assert membership("solo.all").roles == ["worker"]
    assert not row_macs.is_bound(membership("solo.all"))
