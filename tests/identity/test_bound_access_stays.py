"""What keeps a record of who may open what good: acts that close, new keys, upgrades, restores."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from structlog.testing import capture_logs

from permissions.errors import Unavailable
from permissions.identity import bound_access, row_macs
from permissions.keys import secret_files
from tests.identity.bound_rows import (
    LEAD,
    OTHER,
    WORKER,
    copy_of,
    is_refused,
    opens,
    put_all_back,
    write,
)
from tests.support.ground.database import as_app
from tests.support.ground.stored_rows import rows
from tests.support.people.binding import bind_credentials, confirm
from tests.support.people.callers import member_id
from tests.support.people.shared_packet import sealed as sealed  # a fixture
from tests.support.people.stories import PACKET, Story, release_body


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    kept = path.rename(path.with_suffix(".kept"))
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        kept.rename(path)


def test_a_release_is_ended_while_the_journal_cannot_be_written(sealed: Story) -> None:
    journal = Path(settings.BINDING_FOLDER) / "closings"
    assert opens(sealed, WORKER).status_code == 200
    with unwritable(journal), capture_logs() as logged:
        sealed.sends("revoke_release", {"via": "oral"})
    assert "access_not_closed" in {one["event"] for one in logged}
    assert opens(sealed, WORKER).json()["code"] == "sealed"


def test_the_size_of_the_record_says_nothing(sealed: Story, superuser: Any) -> None:
    asked = "SELECT length(sealed) FROM bound_access WHERE referral_id = %s"
    whom = {"member_id": str(member_id(OTHER))}
    for act in ("assign", "block", "unblock"):
        assert sealed.api(LEAD).act(sealed.id, act, whom).status_code == 200
        assert rows(superuser, asked, [sealed.id]) == [(2 + 12 + 1024 + 16,)]
        superuser.rollback()


def test_a_new_key_seals_every_record_again(sealed: Story, superuser: Any) -> None:
    asked = "SELECT sealed FROM bound_access WHERE referral_id = %s"
    ((before,),) = rows(superuser, asked, [sealed.id])
    superuser.rollback()
    try:
        assert row_macs.rebind() > 1
        ((after,),) = rows(superuser, asked, [sealed.id])
        superuser.rollback()
        assert bytes(after)[:2] != bytes(before)[:2]
        assert bound_access.opened(UUID(sealed.id), bytes(after)).accepted
        with pytest.raises(Unavailable):
            bound_access.opened(UUID(sealed.id), bytes(before))
    finally:
        bind_credentials()
    assert opens(sealed, WORKER).json()["packet"] == PACKET


def test_what_was_there_before_the_upgrade_is_confirmed_by_one_of_its_agencies(
    sealed: Story, superuser: Any
) -> None:
    barred = {"member_id": str(member_id(OTHER))}
    assert sealed.api(LEAD).act(sealed.id, "block", barred).status_code == 200
    asked = "SELECT sealed FROM bound_access WHERE referral_id = %s"
    ((before,),) = rows(superuser, asked, [sealed.id])
    superuser.rollback()
    then = bound_access.opened(UUID(sealed.id), bytes(before))
    journal = Path(settings.BINDING_FOLDER) / "closings"
    of_others = [one for one in journal.read_bytes().split(b"\n") if hex_of(sealed) not in one]
    secret_files.replace(journal, b"\n".join(of_others))
    write(superuser, "DELETE FROM bound_access WHERE referral_id = %s", [sealed.id])
    is_refused(lambda: opens(sealed, WORKER), superuser)
    assert "1 referrals, with those who work on them" in confirm("ywca")
    ((after,),) = rows(superuser, asked, [sealed.id])
    superuser.rollback()
    now = bound_access.opened(UUID(sealed.id), bytes(after))
    assert now == replace(then, version=1), "its rows say the same as the record of its acts"
    assert opens(sealed, WORKER).json()["packet"] == PACKET


def hex_of(story: Story) -> bytes:
    return UUID(story.id).hex.encode()


def test_a_database_writer_deletes_the_record_and_waits_for_a_confirmation(
    sealed: Story, superuser: Any
) -> None:
    write(superuser, "DELETE FROM bound_access WHERE referral_id = %s", [sealed.id])
    assert "1 referrals" in confirm("ywca")
    is_refused(lambda: opens(sealed, WORKER), superuser)


def test_after_a_restore_the_survivor_is_asked_again(sealed: Story, superuser: Any) -> None:
    older = copy_of(superuser, sealed.id)
    sealed.sends("revoke_release", {"via": "oral"})
    put_all_back(superuser, sealed.id, older)
    is_refused(lambda: opens(sealed, WORKER), superuser)
    assert "1 referrals" in confirm("police")
    is_refused(lambda: opens(sealed, WORKER), superuser)
    sealed.sends("put_release", release_body(*PACKET))
    assert opens(sealed, WORKER).json()["packet"] == PACKET
    assert "Nothing to confirm" in confirm("ywca")


def test_an_agency_reads_no_record_of_a_referral_that_it_does_not_see(
    sealed: Story, api: Any
) -> None:
    for who, seen in ((WORKER, True), ("sarc.worker", False)):
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT sec.bound_access(%s) IS NOT NULL", [sealed.id])
            assert cursor.fetchone() == (seen,)
