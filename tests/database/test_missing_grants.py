"""A grant that our own role lacks is a fault of the setup: 503 and loud. A row that a policy
refuses to a caller stays as if it were not there."""

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from api import logging_config
from permissions.audit import writer
from permissions.errors import NotVisible
from permissions.identity import credentials
from referrals.models import CallRecord
from tests.support.ground.database import phone_only_service
from tests.support.people.access_log import one
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story


@contextlib.contextmanager
def without(superuser: Any, right: str) -> Iterator[list[dict[str, Any]]]:
    """`app` lacks this right meanwhile, as after a restore that left it out. Yields the lines that
    the process logs, once it is over."""
    written, lines = io.StringIO(), []
    with superuser.cursor() as cursor:
        cursor.execute(f"REVOKE {right} FROM app")
        superuser.commit()
        try:
            with contextlib.redirect_stderr(written):
                logging_config.configure({"level": "INFO"})
                yield lines
        finally:
            cursor.execute(f"GRANT {right} TO app")
            superuser.commit()
            logging_config.configure({"level": "INFO"})
    lines += [json.loads(line) for line in written.getvalue().splitlines()]


CALLS = "/v1/call-records"
CASES = {
    "SELECT ON call_record": ("GET", CALLS, "call_record.list"),
    "INSERT ON call_record": ("POST", CALLS, "call_record.create"),
    "SELECT ON note": ("POST", "/v1/referrals/{}/open_notes", "referral.open_notes"),
    "EXECUTE ON FUNCTION sec.count_agreement_answer(boolean)": (
        "POST",
        "/v1/referrals/{}/send",
        "referral.send",
    ),
}


@pytest.mark.parametrize("right", CASES)
def test_a_grant_that_a_restore_left_out_is_not_taken_for_a_missing_row(
    story: Story, api: Any, superuser: Any, right: str
) -> None:
    method, path, act = CASES[right]
    story.create()
    if "open_notes" in path:
        story.sends("add_note", {"text": "an invented note"})
    bodies = {
        CALLS: {"service_id": phone_only_service(), "outcome": "full", "put_through": False},
        "/v1/referrals/{}/open_notes": {"purpose": "review"},
        "/v1/referrals/{}/send": {"agreement": "agrees"},
    }
    caller = api("police.worker")
    with without(superuser, right) as lines:
        path_now = path.format(story.id)
        answer = caller.get(path_now) if method == "GET" else caller.post(path_now, bodies[path])
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.content
    assert answer.json()["safety_lines"]
    (loud,) = [line for line in lines if line["event"] == "missing_grant"]
    assert loud["level"] == "error"
    assert right.split(" ON ")[1].removeprefix("FUNCTION sec.").split("(")[0] in loud["error"]
    rule = "SELECT rule FROM access_entry WHERE request_id = %s AND act = %s AND decision = %s"
    assert one(superuser, rule, [answer["X-Request-Id"], act, "refused"]) == "unavailable"


def test_what_a_policy_refuses_is_not_there_as_before(api: Any, superuser: Any) -> None:
    count = "SELECT count(*) FROM access_entry WHERE decision = 'refused' AND rule = 'policy'"
    before = one(superuser, count)
    principal = credentials.resolve_credential(api("police.worker").secret)
    assert principal is not None
    with pytest.raises(NotVisible), writer.logged_act(principal, "call_record.create") as attempt:
        CallRecord.objects.create(
            agency_id=agency_id("ywca"),
            member_id=member_id("police.worker"),
            service_id=phone_only_service(),
            outcome="full",
            put_through=False,
            created_at=attempt.now,
        )
    with (
        pytest.raises(NotVisible),
        writer.logged_act(principal, "agreement.decline"),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT sec.erase_draft(gen_random_uuid(), gen_random_uuid())")
    superuser.rollback()  # to see what was written since
    assert one(superuser, count) == before + 2
