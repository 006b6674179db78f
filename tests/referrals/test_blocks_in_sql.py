"""The database keeps conflict blocks by itself."""

from typing import Any
from uuid import uuid4

import pytest

from tests.referrals.blocked_referrals import opened as opened  # a fixture
from tests.support.ground.database import as_app, refused
from tests.support.people.callers import member_id
from tests.support.people.stories import Story, bar


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT has_block FROM referral",
        "SELECT has_block FROM referral_side",
        "UPDATE referral SET has_block = false",
        "UPDATE referral_side SET has_block = false",
        "DELETE FROM conflict_block",
        "UPDATE conflict_block SET lifted_at = now()",
        "INSERT INTO conflict_block SELECT * FROM conflict_block",
    ],
)
def test_the_flag_and_the_blocks_are_kept_by_the_database_alone(
    opened: Story, api: Any, statement: str
) -> None:
    bar(api, "ywca.worker", opened, "ywca.worker2")
    with as_app(api("ywca.worker")) as cursor:
        assert refused(cursor, statement)


def test_by_raw_sql_no_one_is_barred_whom_the_rules_would_not_bar(opened: Story, api: Any) -> None:
    call = "SELECT sec.set_block(%s, %s, %s, %s)"
    other, mine = str(member_id("ywca.worker2")), str(member_id("ywca.worker"))
    cases: list[tuple[str, str, str | None, bool]] = [
        ("ywca.worker", "member", other, True),
        ("ywca.worker", "member", mine, False),
        ("ywca.worker", "member", str(member_id("police.worker")), False),
        ("ywca.worker", "member", None, False),
        ("ywca.worker", "agency", None, False),
        ("ywca.worker", "leads_only", None, False),
        ("ywca.lead", "leads_only", None, True),
        ("ywca.worker2", "member", mine, False),
        ("police.worker", "agency", None, True),
        ("police.worker", "leads_only", None, True),
        ("outsider.lead", "leads_only", None, False),
        ("ywca.auditor", "member", other, False),
    ]
    for who, kind, whom, may in cases:
        with as_app(api(who)) as cursor:
            taken = not refused(cursor, call, [uuid4(), opened.id, kind, whom])
        assert taken == may, (who, kind, whom)


def test_who_was_let_in_again_is_not_told_by_the_database_either(story: Story, api: Any) -> None:
    """Past the API: neither what barred her, nor that anybody was barred as she was (R12)."""
    story.accept()
    path, lead = f"/v1/referrals/{story.id}", api("ywca.lead")
    whom = {"member_id": str(member_id("ywca.worker2"))}
    story.answers("block", whom)
    assert api("ywca.worker2").get(path).status_code == 404
    for act, body in (("unblock", whom), ("assign", whom), ("leads_only", {})):
        assert lead.act(story.id, act, body).status_code == 200
    for who in ("ywca.worker", "ywca.worker2"):
        assert api(who).get(path).status_code == 404
    assert lead.act(story.id, "end_leads_only", {}).status_code == 200
    for_leads = {"leads_only", "end_leads_only"}
    for who, acts, attempts in (
        ("ywca.worker", {"block", "unblock"}, 1),  # his colleague's; not those for want of a lead
        ("ywca.worker2", set(), 0),
        ("ywca.lead", {"block", "unblock"} | for_leads, 3),
    ):
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT act FROM referral_event WHERE referral_id = %s", [story.id])
            known = {act for (act,) in cursor.fetchall()}
            assert known & ({"block", "unblock"} | for_leads) == acts, who
            cursor.execute("SELECT coalesce(sum(times), 0) FROM sec.blocked_attempts()")
            assert cursor.fetchone() == (attempts,), who
            cursor.execute("SELECT FROM conflict_block")
            assert cursor.fetchall() == [], who
