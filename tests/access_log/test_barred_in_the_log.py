"""A person whom a referral bars reads nothing of it in the log either, auditor or not (R12)."""

from typing import Any
from uuid import uuid4

import pytest

from permissions.ledger import sealer
from referrals.deadlines import purge
from tests.support.ground.database import as_one_person, rolled_back
from tests.support.ground.stored_rows import rows
from tests.support.people.access_log import enter, found, two_months
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import PACKET, Story, bar
from tests.support.proofs.probe_people import system
from tests.support.proofs.sec_functions import SEQ, sign

LOG = "/v1/access-log"


@pytest.fixture
def worked_on(story: Story, api: Any) -> Story:
    """Accepted, opened, listed, and taken over by a lead who assigned themselves."""
    story.accept().release(*PACKET).packet(**PACKET)
    story.answers("open_packet", {"purpose": "intake"})
    assert api("ywca.worker").get("/v1/referrals", {"box": "in"}).status_code == 200
    why = {"reason": "review", "keep": True}
    assert api("ywca.lead").act(story.id, "take_over", why).status_code == 200
    return story


def read(api: Any, referral_id: Any, who: str = "ywca.auditor") -> list[str]:
    """What the log says of a referral, but for the reader's own reading of it."""
    items = api(who).get(LOG, {"referral_id": str(referral_id)}).json()["items"]
    return [one["act"] for one in items if one["member_id"] != str(member_id(who))]


def lists(api: Any, referral_id: str, who: str = "ywca.auditor") -> int:
    """In how many entries for lists it stands."""
    items = api(who).get(LOG, {"act": "referral.list", "limit": "100"}).json()["items"]
    return sum(referral_id in (one["referral_ids"] or ()) for one in items)


def lines(api: Any, **asked: str) -> list[str]:
    """Of her export."""
    export = api("ywca.auditor").get(f"{LOG}/export", {"format": "ndjson", **asked})
    return b"".join(export.streaming_content).decode().splitlines()


def test_an_auditor_reads_nothing_of_what_bars_her(worked_on: Story, api: Any) -> None:
    before = read(api, worked_on.id)
    assert {"referral.accept", "referral.open_packet", "referral.self_assign"} <= {*before}
    assert lists(api, worked_on.id) == 1
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    assert read(api, worked_on.id) == read(api, uuid4()) == []
    assert lists(api, worked_on.id) == 0
    own = api("ywca.auditor").get(f"{LOG}/listings", {"referral_id": worked_on.id})
    assert own.json() == api("ywca.auditor").get(f"{LOG}/listings", {"referral_id": uuid4()}).json()
    assert api("ywca.auditor").get("/v1/self-assignments").json()["items"] == []
    told = [line for line in lines(api) if worked_on.id in line]
    assert all(str(member_id("ywca.auditor")) in line for line in told), "her own asking alone"


def test_nor_is_it_in_her_sealed_export_nor_in_a_proof(
    worked_on: Story, api: Any, superuser: Any
) -> None:
    """sec.sealed_lines, sec.inclusion_proof."""
    auditor = api("ywca.auditor")
    while sealer.step():
        pass
    items = auditor.get(LOG, {"referral_id": worked_on.id}).json()["items"]
    (opened,) = [one["id"] for one in items if one["act"] == "referral.open_packet"]
    assert auditor.get(f"{LOG}/{opened}/proof").json()["entry"]
    before = sealed(auditor)
    assert any(worked_on.id in line for line in before)
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    assert auditor.get(f"{LOG}/{opened}/proof").json()["code"] == "not_sealed", "as of no id"
    mine = str(member_id("ywca.auditor"))
    told = [line for line in sealed(auditor) if worked_on.id in line and mine not in line]
    assert told == []
    assert sum(line.endswith(" ~") for line in sealed(auditor)) > sum(
        line.endswith(" ~") for line in before
    ), "of what is kept from her, the hash alone"


def sealed(auditor: Any) -> list[str]:
    export = auditor.get(f"{LOG}/export", {"format": "sealed"})
    return b"".join(export.streaming_content).decode().splitlines()


def test_nor_do_the_counts_tell(worked_on: Story, api: Any, superuser: Any) -> None:
    """They are less by as many as she may no longer read: else the difference would tell. What she
    asked herself is counted. (sec.is_hidden_from_auditor)"""
    read(api, worked_on.id)
    months = two_months()
    before = counted(api, months)
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM access_entry WHERE agency_id = %s AND act <> 'referral.block'"
            " AND member_id <> %s AND (referral_id = %s OR referral_ids @> ARRAY[%s::uuid])",
            [str(agency_id("ywca")), str(member_id("ywca.auditor")), *[worked_on.id] * 2],
        )
        (hidden,) = cursor.fetchone()
    assert hidden >= 4
    assert counted(api, months) == before - hidden


def counted(api: Any, months: list[str]) -> int:
    """Her agency's entries of these months, without those of these very questions."""
    auditor, found = api("ywca.auditor"), 0
    for month in months:
        items = auditor.get(f"{LOG}/counts", {"month": month}).json()["items"]
        ours = [one for one in items if one["agency_id"] == str(agency_id("ywca"))]
        found += sum(one["entries"] for one in ours if one["act"] != "access_log.counts")
    return found


def test_she_finds_that_she_asked_as_of_an_id_that_never_was(worked_on: Story, api: Any) -> None:
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    never = uuid4()
    for asked in (worked_on.id, never):
        read(api, asked)
    items = api("ywca.auditor").get(LOG, {"act": "access_log.read", "limit": "100"}).json()["items"]
    asked = [one["referral_id"] for one in items if one["referral_id"]]
    assert {str(never), worked_on.id} <= set(asked)


def test_others_audit_it_and_she_does_again_once_it_is_lifted(
    worked_on: Story, api: Any, superuser: Any
) -> None:
    bar(api, "police.worker", worked_on, "police.worker2")
    assert read(api, worked_on.id), "a block of another is nothing to her"
    bar(api, "ywca.worker", worked_on, "ywca.worker2")
    assert read(api, worked_on.id), "nor one of a colleague"
    with as_one_person(superuser, "police.worker2", "ywca.auditor"):
        assert read(api, worked_on.id) == [], "one person, in whichever agency"
    assert read(api, worked_on.id)
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    body = {"member_id": str(member_id("ywca.auditor"))}
    assert api("ywca.worker").act(worked_on.id, "unblock", body).status_code == 200
    assert "referral.open_packet" in read(api, worked_on.id)


def test_what_bars_the_whole_agency_is_audited_there(worked_on: Story, api: Any) -> None:
    """Who opened it has to be answered for, by somebody."""
    worked_on.sends("block", {"other_agency": True})
    assert "referral.open_packet" in read(api, worked_on.id)
    worked_on.sends("unblock", {"other_agency": True}).sends("leads_only")
    assert "referral.open_packet" in read(api, worked_on.id)


def test_a_system_that_names_no_one_is_barred_with_whoever_works_at_its_agency(
    worked_on: Story, api: Any, superuser: Any
) -> None:
    """Also if she was barred as one of the other side: it is a mailbox that she reads."""
    bar(api, "ywca.worker", worked_on, "ywca.worker2")
    client = api("police.client")
    path = f"/v1/referrals/{worked_on.id}"
    assert client.get(path).status_code == 200
    assert worked_on.id in client.get("/v1/events", {"limit": "100"}).content.decode()
    with as_one_person(superuser, "ywca.worker2", "police.worker2"):
        assert client.get(path).status_code == 404
        assert worked_on.id not in client.get("/v1/events", {"limit": "100"}).content.decode()
        assert api("police.client", "police.worker").get(path).status_code == 200, "by name"


def test_nor_does_a_system_that_names_no_one_read_of_it(
    worked_on: Story, api: Any, superuser: Any
) -> None:
    """sec.blocked_referral_ids: a system is barred together with any member of its own agency."""

    def audited() -> list[str]:
        client = system(api, "ywca", None, "audit:read")
        found = client.caller.get(LOG, {"referral_id": worked_on.id}).json()["items"]
        return [one["act"] for one in found if one["client_id"] != client.client]

    bar(api, "police.worker", worked_on, "police.worker2")
    assert "referral.open_packet" in audited(), "no one of this agency is barred"
    with as_one_person(superuser, "police.worker2", "ywca.worker2"):
        assert audited() == []
    assert "referral.open_packet" in audited()
    bar(api, "ywca.worker", worked_on, "ywca.worker2")
    assert audited() == []


def test_nor_is_what_was_put_in_named_to_her(worked_on: Story, api: Any, superuser: Any) -> None:
    """sec.unsealed_entries."""
    question = "SELECT id::text, entry IS NOT NULL FROM sec.unsealed_entries(%s, %s, 10)"
    with rolled_back(superuser) as cursor:
        sign(cursor, SEQ, 0, 0, before=-(2**61))
        sign(cursor, SEQ + 1, 0, 0, before=9 - 2**61)
        put = enter(cursor, "ywca", referral_id=worked_on.id, xact=1 - 2**61)
        asked = (cursor, api("ywca.auditor"), question, SEQ + 1, SEQ + 1)
        assert found(*asked) == [(str(put), True)]
        bar(api, "ywca.worker", worked_on, "ywca.auditor")
        assert found(*asked) == [(None, False)]


def purged(story: Story, api: Any, shift_clock: Any) -> None:
    """Both sides' parts, by the clock."""
    done = api("ywca.lead").act(story.id, "complete", {"outcome": "connected"})
    assert done.status_code == 200
    for days in (31, 39):
        shift_clock(f"{days} days")
        purge.run()
    assert api("ywca.lead").get(f"/v1/referrals/{story.id}").status_code == 404


def test_nor_once_the_referral_is_gone(worked_on: Story, api: Any, shift_clock: Any) -> None:
    """The log outlives it by years: what came to light then would tell her that it barred her.
    (sec.remember_blocked)"""
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    purged(worked_on, api, shift_clock)
    assert read(api, worked_on.id) == []
    assert lists(api, worked_on.id) == 0


def test_what_was_lifted_before_is_hers_again(
    worked_on: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    body = {"member_id": str(member_id("ywca.auditor"))}
    assert api("ywca.worker").act(worked_on.id, "unblock", body).status_code == 200
    bar(api, "ywca.worker", worked_on, "ywca.worker2")
    worked_on.sends("leads_only")
    purged(worked_on, api, shift_clock)
    assert "referral.open_packet" in read(api, worked_on.id)
    kept = "SELECT member_id::text, referral_id::text FROM barred_to_the_end"
    assert rows(superuser, kept) == [(str(member_id("ywca.worker2")), worked_on.id)]


def test_whom_it_barred_is_kept_for_as_long_as_the_log_holds_of_it(
    worked_on: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    bar(api, "ywca.worker", worked_on, "ywca.auditor")
    purged(worked_on, api, shift_clock)
    purge.run()
    assert len(rows(superuser, "SELECT FROM barred_to_the_end")) == 1
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE barred_to_the_end SET at = '2001-01-01'")
    purge.run()
    assert rows(superuser, "SELECT FROM barred_to_the_end") == []


@pytest.mark.parametrize("by", ["her no", "the clock"])
def test_whom_a_draft_barred_is_not_kept(
    worked_on: Story, api: Any, superuser: Any, shift_clock: Any, by: str
) -> None:
    """Nothing is kept of a draft that was never sent (R14). (sec.remember_blocked)"""
    draft = Story(api, worked_on.service_id).create()
    bar(api, "police.worker", draft, "police.worker2")
    if by == "her no":
        no = api("police.worker").post("/v1/agreement-tally", {"draft_id": draft.id})
        assert no.status_code == 200
    else:
        shift_clock("48 hours")
        purge.run()
    assert rows(superuser, "SELECT FROM conflict_block") == []
    assert rows(superuser, "SELECT FROM barred_to_the_end") == []
