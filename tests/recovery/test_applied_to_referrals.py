"""After a restore, what was taken away from a referral since the backup is taken away again, and
the rest opens as before."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from permissions.recovery import applying, journal
from tests.recovery.backups import Backup, restored_to
from tests.recovery.backups import backup as backup
from tests.support.people.stories import PACKET, Story, return_body, service_of, to

LATE = {"purpose": "intake"}


def shared(api: Any, **more: Any) -> Story:
    return Story(api, service_of("ywca"), **more).accept().release(*PACKET).packet(**PACKET)


def opens(story: Story, who: str | None = None) -> Any:
    return story.api(who or story.recipient).act(story.id, "open_packet", LATE)


def status_of(story: Story, who: str) -> int:
    return int(story.api(who).get(f"/v1/referrals/{story.id}").status_code)


ENDINGS: dict[str, Callable[[Story], object]] = {
    "revoked": lambda story: story.sends("revoke_release", {"via": "oral"}),
    "revoked by the recipient": lambda story: story.answers("revoke_release", {"via": "oral"}),
    "stopped": lambda story: story.sends("stop"),
    "in error": lambda story: story.sends("mark_error", {"code": "wrong_recipient"}),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_what_was_ended_since_the_backup_stays_closed(
    api: Any, backup: Callable[[], Backup], how: str
) -> None:
    alive, ended = shared(api), shared(api)
    taken = backup()
    assert opens(ended).status_code == 200
    ENDINGS[how](ended)
    before = opens(ended)
    assert before.status_code != 200

    done = restored_to(taken)
    assert done.conflicts == []
    assert done.number >= 1
    assert opens(ended).json()["code"] == before.json()["code"]
    assert opens(alive).json()["packet"] == PACKET
    assert opens(ended, ended.sender).status_code == opens(alive, alive.sender).status_code


def test_a_narrowed_release_opens_what_is_left(api: Any, backup: Callable[[], Backup]) -> None:
    story = shared(api)
    taken = backup()
    story.sends("narrow_release", {"fields": ["name"]})
    assert restored_to(taken).conflicts == []
    assert opens(story).json()["packet"] == {"name": PACKET["name"]}


def test_a_shorter_release_ends_when_it_was_said_to(
    api: Any, backup: Callable[[], Backup], shift_clock: Any
) -> None:
    story = shared(api)
    taken = backup()
    until = datetime.now(UTC) + timedelta(hours=2)
    story.sends("narrow_release", {"expires_at": until.isoformat()})
    assert restored_to(taken).conflicts == []
    assert opens(story).status_code == 200
    found = story.api(story.recipient).get(f"/v1/referrals/{story.id}").json()
    assert until.isoformat()[:19] in str(found), found


def test_who_was_kept_out_is_kept_out_and_who_was_let_in_again_is_in(
    api: Any, backup: Callable[[], Backup]
) -> None:
    barred, lifted, marked = shared(api), shared(api), shared(api)
    lifted.api("ywca.lead").act(lifted.id, "block", to("ywca.worker2"))
    barred.answers("assign", to("ywca.worker2"))
    taken = backup()
    assert status_of(lifted, "ywca.worker2") == 404
    assert barred.api("ywca.lead").act(barred.id, "block", to("ywca.worker2")).status_code == 200
    assert lifted.api("ywca.lead").act(lifted.id, "unblock", to("ywca.worker2")).status_code == 200
    marked.sends("leads_only")

    done = restored_to(taken)
    assert done.conflicts == []
    assert status_of(barred, "ywca.worker2") == 404
    assert status_of(lifted, "ywca.worker2") == 200
    assert lifted.api("ywca.lead").act(lifted.id, "assign", to("ywca.worker2")).status_code == 200
    assert opens(lifted, "ywca.worker2").status_code == 200
    assert status_of(marked, "ywca.worker") == 404
    assert opens(barred).status_code == 200


def test_who_is_assigned_no_more_opens_nothing(api: Any, backup: Callable[[], Backup]) -> None:
    story = shared(api)
    taken = backup()
    story.answers("hand_over", to("ywca.worker2"))
    assert opens(story).status_code == 403
    assert restored_to(taken).conflicts == []
    assert opens(story).status_code == 403
    # What was given is lost with what came after the backup: a lead gives it again.
    assert opens(story, "ywca.worker2").status_code == 403
    assert story.api("ywca.lead").act(story.id, "assign", to("ywca.worker2")).status_code == 200
    assert opens(story, "ywca.worker2").json()["packet"] == PACKET


def test_a_withdrawn_notice_and_an_accept_taken_back(
    api: Any, backup: Callable[[], Backup]
) -> None:
    withdrawn = Story(api, service_of("ywca")).send()
    undone = Story(api, service_of("ywca")).send().release(*PACKET).packet(**PACKET).accept()
    taken = backup()
    withdrawn.sends("withdraw", {"code": "other"})
    undone.answers("undo_accept")
    assert restored_to(taken).conflicts == []
    found = withdrawn.api(withdrawn.recipient).get(f"/v1/referrals/{withdrawn.id}").json()
    assert found["status"] == "withdrawn"
    found = undone.api(undone.recipient).get(f"/v1/referrals/{undone.id}").json()
    assert found["status"] == "acknowledged"
    assert opens(undone).status_code in (403, 409)
    undone.answers("accept")
    assert opens(undone).json()["packet"] == PACKET


def test_what_was_returned_is_read_no_more(api: Any, backup: Callable[[], Backup]) -> None:
    story = shared(api)
    story.answers("put_return_release", return_body())
    story.answers("complete", {"outcome": "connected"})
    taken = backup()
    assert story.api(story.sender).get(f"/v1/referrals/{story.id}/returned").status_code == 200
    story.answers("revoke_return_release")
    assert restored_to(taken).conflicts == []
    answer = story.api(story.sender).get(f"/v1/referrals/{story.id}/returned")
    assert "connected" not in answer.content.decode()


def test_twice_is_once(api: Any, backup: Callable[[], Backup]) -> None:
    story = shared(api)
    taken = backup()
    story.sends("revoke_release", {"via": "oral"})
    assert restored_to(taken).number >= 1
    assert applying.apply(journal.read()).number == 0
