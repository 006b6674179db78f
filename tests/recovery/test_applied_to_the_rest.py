"""What else reaches or lets in: numbers, devices, webhooks, systems' keys, feeds, links, slips, the
right to edit, places that became confidential. Each is taken away after the backup, and stays away
after the restore."""

from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import uuid5

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.db import connections

from api.dev import demo
from directory import models as directory
from permissions.enrollment import invitations
from permissions.errors import NotVisible
from permissions.identity import own_account, own_systems, row_macs
from permissions.models import Channel, Client, Membership, Person
from permissions.recovery import applying, journal
from referrals.on_call import feeds
from tests.recovery.backups import Backup, journaled, restored_to, write
from tests.recovery.backups import backup as backup
from tests.slip.scene import Survivor, end_slip, give
from tests.support.people.callers import agency_id, member_id
from tests.support.people.exports import ready, state, work
from tests.support.people.notifications import keep
from tests.support.people.own_systems import pair
from tests.support.people.rota import principal
from tests.support.people.stories import PACKET, Story, service_of
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.servers.webhook_receiver import Receiver


def reads_feed(secret: str) -> bool:
    try:
        feeds.read(secret)
    except NotVisible:
        return False
    return True


def test_channels_webhooks_and_feeds(
    api: Any, backup: Callable[[], Backup], receiver: Receiver
) -> None:
    stays = keep(api, "ywca.worker", "sms", "406-555-0181")
    gone = keep(api, "ywca.worker2", "sms", "406-555-0182")
    hook = api("ywca.admin").post("/v1/webhooks", {"url": receiver.url}).json()
    ended, kept = (feeds.make(principal(api, who)) for who in ("ywca.worker2", "ywca.worker"))
    taken = backup()

    assert api("ywca.worker2").delete(f"/v1/channels/{gone}").status_code == 204
    assert api("ywca.admin").delete(f"/v1/webhooks/{hook['id']}").status_code == 204
    feeds.end(principal(api, "ywca.worker2"))
    done = restored_to(taken)
    assert done.conflicts == []
    assert {str(one) for one in Channel.objects.using("jobs").values_list("id", flat=True)} == {
        stays
    }
    assert api("ywca.admin").get(f"/v1/webhooks/{hook['id']}").status_code == 404
    assert (reads_feed(ended), reads_feed(kept)) == (False, True)


def test_a_systems_key_network_and_scope(api: Any, backup: Callable[[], Backup]) -> None:
    old, new = pair(), pair()
    admin = principal(api, "ywca.admin")
    ours = Client.objects.get(id=uuid5(demo.NAMESPACE, "client ywca"))
    own_systems.add_keys(
        admin, ours.id, {"keys": [one.export_public(as_dict=True) for one in (old, new)]}
    )
    before = {one["x"] for one in Client.objects.get(id=ours.id).public_keys["keys"]}
    taken = backup()

    own_systems.remove_key(principal(api, "ywca.admin"), ours.id, str(old.thumbprint()))
    assert {one["x"] for one in Client.objects.get(id=ours.id).public_keys["keys"]} < before
    own_systems.set_limits(principal(api, "ywca.admin"), ours.id, ["198.51.100.0/24"], 9)
    done = restored_to(taken)
    assert done.conflicts == []
    found = Client.objects.get(id=ours.id)
    assert {one["x"] for one in found.public_keys["keys"]} < before
    assert old.export_public(as_dict=True)["x"] not in str(found.public_keys)
    assert new.export_public(as_dict=True)["x"] in str(found.public_keys)
    assert (found.networks, found.openings_a_day) == (["198.51.100.0/24"], 9)
    assert row_macs.is_bound(found)


def test_a_second_factor(api: Any, backup: Callable[[], Backup]) -> None:
    person = Membership.objects.using("signin").get(id=member_id("sarc.worker")).person
    before = {one.type for one in own_account.factors_of(person)}
    assert "totp" in before
    taken = backup()
    with own_account.changing(person, None):
        Authenticator.objects.using("signin").filter(user_id=person.pk, type="totp").delete()
    assert restored_to(taken).conflicts == []
    assert {one.type for one in own_account.factors_of(person)} == before - {"totp"}
    assert row_macs.is_bound(Person.objects.using("signin").get(pk=person.pk))


def test_a_link_of_an_invitation(api: Any, backup: Callable[[], Backup]) -> None:
    made = invitations.invite(principal(api, "ywca.admin"), "Invented Newcomer", ["worker"], None)
    secret = made.link.rsplit("/", 1)[-1]
    taken = backup()
    assert invitations.find(secret) is not None
    (open_,) = invitations.open_invitations(principal(api, "ywca.admin"))
    invitations.end_invitation(principal(api, "ywca.admin"), open_.id)
    restored_to(taken)
    assert invitations.find(secret) is None
    assert invitations.open_invitations(principal(api, "ywca.admin")) == []


def test_an_export_that_was_ended(api: Any, backup: Callable[[], Backup]) -> None:
    Story(api, service_of("ywca")).create()
    lead, ended = ready(api)
    _lead, kept = ready(api, "ywca.lead")
    taken = backup()
    assert lead.delete(f"/v1/exports/{ended}").status_code == 204
    assert restored_to(taken).conflicts == []
    assert api("police.lead").get(f"/v1/exports/{ended}/parts/1").status_code == 409
    assert state(api("ywca.lead"), kept)["state"] == "ready"
    with connections["jobs"].cursor() as cursor:
        parts = "SELECT count(*) FROM bulk_export_part"
        cursor.execute(parts)
        assert cursor.fetchone() == (1,), "as it was in the backup"
        work()
        cursor.execute(parts)
        assert cursor.fetchone() == (0,)


def test_a_slip_that_ended_and_one_that_is_kept(api: Any, backup: Callable[[], Backup]) -> None:
    ended, kept = (
        Story(api, service_of("ywca")).accept().release(*PACKET).packet(**PACKET) for _ in range(2)
    )
    codes = [give(one) for one in (ended, kept)]
    taken = backup()
    end_slip(ended)
    assert restored_to(taken).conflicts == []
    assert [Survivor(code).gets_in() for code in codes] == [False, True]


def test_what_the_survivor_ended_by_their_slip(api: Any, backup: Callable[[], Backup]) -> None:
    story = Story(api, service_of("ywca")).accept().release(*PACKET).packet(**PACKET)
    survivor = Survivor(give(story))
    taken = backup()
    assert survivor.gets_in()
    assert survivor.ends()["Location"] == "/slip/open?said=ended"
    closed = story.api(story.recipient).act(story.id, "open_packet", {"purpose": "intake"})
    assert closed.status_code != 200
    assert restored_to(taken).conflicts == []
    again = story.api(story.recipient).act(story.id, "open_packet", {"purpose": "intake"})
    assert again.json()["code"] == closed.json()["code"]


def test_the_right_to_edit_and_a_place_that_became_confidential(
    api: Any, backup: Callable[[], Backup]
) -> None:
    street = directory.Address.objects.using("jobs").filter(location__confidential=False).first()
    assert street is not None
    place = street.location_id
    shown = directory.PublicPlace.objects.using("jobs").filter(location_id=place)
    before = shown.count()
    right = directory.Editing.objects.using("jobs").order_by("id").first()
    assert right is not None
    taken = backup()

    for statement, row in (  # as an edit does
        ("DELETE FROM directory_address WHERE location_id = %s", place),
        (
            "UPDATE directory_location SET confidential = true, latitude = NULL, longitude = NULL,"
            " transportation = '', external_identifier = '', url = '' WHERE id = %s",
            place,
        ),
        ("DELETE FROM directory_editing WHERE id = %s", right.id),
    ):
        write(taken.database, statement, [str(row)])
    assert restored_to(taken).conflicts == []
    assert not directory.Address.objects.using("jobs").filter(location_id=place).exists()
    assert directory.Location.objects.using("jobs").get(id=place).confidential
    assert shown.count() == 0 or before == 0
    assert not directory.Editing.objects.using("jobs").filter(id=right.id).exists()


def test_an_agency_that_takes_no_notices_any_more(api: Any, backup: Callable[[], Backup]) -> None:
    taken = backup()
    call_command(
        "agency", "set", str(agency_id("hospital")), "--takes-notices", "no", stdout=StringIO()
    )
    restored_to(taken)
    said = StringIO()
    call_command("agency", "show", str(agency_id("hospital")), stdout=said)
    assert "phone only" in said.getvalue().lower()


class Killed(Exception):
    """As if the process had been killed."""


def test_killed_half_way_it_has_changed_nothing_and_goes_on(
    api: Any, backup: Callable[[], Backup]
) -> None:
    stories = [Story(api, service_of("ywca")).accept().release(*PACKET) for _ in range(3)]
    taken = backup()
    for one in stories:
        one.sends("revoke_release", {"via": "oral"})

    def dies(done: int, of: int) -> None:
        if done > 2:
            raise Killed

    entries = journaled()
    taken.restore()
    with pytest.raises(Killed):
        applying.apply(entries, dies)
    assert len(applying.unknown_of(entries)) > 2
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_policy WHERE polname = 'recovery'")
        assert cursor.fetchone() == (0,)
    done = applying.apply(entries)
    assert done.number > 2
    assert applying.unknown_of(entries) == []
    assert applying.apply(journal.read()).number == 0
