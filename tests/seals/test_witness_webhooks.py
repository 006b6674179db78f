"""Partner agencies as witnesses: the log's newest checkpoint comes by webhook, and the checkpoints
that they hold reveal a log that was rolled back or made again."""

import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from permissions.identity import credentials
from permissions.ledger import sealer
from permissions.models import Client
from referrals.webhooks import signatures
from tests.support.ground.database import as_app, refused
from tests.support.people.seals import seal, write
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work
from tests.support.servers.webhook_receiver import Had, Receiver, ok, receivers

BOTH = ("webhooks:write", "audit:read")


@pytest.fixture
def partner(api: Any) -> Any:
    """Partner systems of the police, by their scopes."""

    def with_scopes(*scopes: str) -> Any:
        caller = api("police.client")
        caller.secret = f"a-token-of-a-witness-{uuid4()}"
        client = Client.objects.get(client_id="demo-police")
        credentials.open_for_client(client, caller.secret, scopes)
        return caller

    return with_scopes


def witness(caller: Any, receiver: Receiver) -> dict[str, Any]:
    answer = caller.post("/v1/webhooks", {"url": receiver.url, "about": "checkpoints"})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def told(had: Had) -> tuple[int, str]:
    said = json.loads(had.body)
    assert said["type"] == "log.checkpoint"
    assert set(said["data"]) == {"seq", "sha256"}
    return int(said["data"]["seq"]), str(said["data"]["sha256"])


def held_by_the_log(caller: Any, seq: int) -> str | None:
    """The hash of this checkpoint as the API gives it."""
    page = caller.get("/v1/access-log/checkpoints", {"after": str(seq - 1), "limit": "1"}).json()
    found = [one["body"] for one in page["items"] if f'"seq":{seq},' in one["body"]]
    return sha256(found[0].encode()).hexdigest() if found else None


def test_the_newest_checkpoint_arrives_signed_once_a_minute_and_fits_the_one_in_the_log(
    api: Any, partner: Any, receiver: Receiver, shift_clock: Callable[[str], None]
) -> None:
    caller = partner(*BOTH)
    write(api)
    seal()
    hook = witness(caller, receiver)
    assert hook["about"] == "checkpoints"
    work()
    (first,) = receiver.had
    assert signatures.verify(hook["secret"], first.headers, first.body, time.time())
    assert len(first.body) == signatures.BODY_BYTES
    seq, digest = told(first)
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert (seq, digest) == (newest.seq, newest.hash)
    assert held_by_the_log(caller, seq) == digest
    for _ in range(3):  # within the minute: nothing
        write(api)
        seal()
        work()
    assert len(receiver.had) == 1
    shift_clock("61 seconds")
    work()
    work()
    assert len(receiver.had) == 2, "the newest alone, not each that was passed over"
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert told(receiver.had[-1]) == (newest.seq, newest.hash)
    tried = caller.get(f"/v1/webhooks/{hook['id']}/deliveries").json()["items"]
    assert [one["checkpoint"] for one in tried] == [newest.seq, seq]
    assert {one["event_id"] for one in tried} == {None}


def test_to_send_one_makes_no_entry_that_would_ask_for_the_next(
    api: Any, partner: Any, receiver: Receiver, shift_clock: Callable[[str], None]
) -> None:
    write(api)
    seal()
    witness(partner(*BOTH), receiver)
    seal()
    work()
    assert len(receiver.had) == 1
    for minute in range(1, 4):
        shift_clock(f"{minute * 61} seconds")
        seal()
        work()
    assert len(receiver.had) == 1


def test_nothing_of_a_referral_is_sent_to_a_witness_and_no_checkpoint_to_others(
    story: Story, api: Any, partner: Any, settings: Any
) -> None:
    with receivers(settings, b"", b"") as (watching, following):
        witness(partner(*BOTH), watching)
        assert api("police.admin").post("/v1/webhooks", {"url": following.url}).status_code == 201
        story.accept()
        seal()
        work()
        assert [told(had) for had in watching.had]
        assert len(watching.had) == 1
        assert following.had
        assert not [had for had in following.had if b"log.checkpoint" in had.body]


def test_what_was_not_taken_is_tried_again_under_its_id_and_the_newest_goes_instead(
    api: Any, partner: Any, receiver: Receiver, shift_clock: Callable[[str], None]
) -> None:
    write(api)
    seal()
    caller = partner(*BOTH)
    hook = witness(caller, receiver)
    seal()  # what making it wrote
    receiver.answer = ok("500 Not now")
    work()
    shift_clock("1 minute")
    work()
    assert len(receiver.had) == 2
    assert len(set(receiver.ids())) == 1
    state = caller.get(f"/v1/webhooks/{hook['id']}").json()
    assert state["state"] == "failing"
    receiver.answer = ok()
    write(api)
    seal()
    shift_clock("1 hour")
    work()
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert told(receiver.had[-1])[0] == newest.seq
    assert len(set(receiver.ids())) == 2


def test_a_log_that_was_made_again_does_not_fit_what_the_witness_holds(
    api: Any, partner: Any, receiver: Receiver, superuser: Any
) -> None:
    """The owner of the database, with the keys, removes the last checkpoint and seals again."""
    caller = partner(*BOTH)
    seal()
    witness(caller, receiver)
    write(api, 3)
    seal()
    work()
    seq, digest = told(receiver.had[-1])
    assert held_by_the_log(caller, seq) == digest
    last = sealer.newest_checkpoint()
    assert last is not None
    keep = "session_replication_role"
    with superuser.cursor() as cursor:
        cursor.execute(f"SET {keep} = replica")
        for table in ("log_leaf", "log_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        try:
            cursor.execute("CREATE TEMP TABLE taken AS SELECT * FROM log_checkpoint WHERE seq = %s",
                           [seq])  # fmt: skip
            cursor.execute("CREATE TEMP TABLE leaves AS SELECT * FROM log_leaf"
                           " WHERE position >= %s", [last.first])  # fmt: skip
            cursor.execute("DELETE FROM log_checkpoint WHERE seq = %s", [seq])
            cursor.execute("DELETE FROM log_leaf WHERE position >= %s", [last.first])
            assert held_by_the_log(caller, seq) is None, "it is smaller than what she holds"
            write(api)
            seal()
            assert held_by_the_log(caller, seq) != digest, "a fork"
        finally:  # as it was: the log is one for all tests
            cursor.execute("DELETE FROM log_checkpoint WHERE seq >= %s", [seq])
            cursor.execute("DELETE FROM log_leaf WHERE position >= %s", [last.first])
            cursor.execute("INSERT INTO log_leaf SELECT * FROM leaves")
            cursor.execute("INSERT INTO log_checkpoint SELECT * FROM taken")
            for table in ("log_leaf", "log_checkpoint"):
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
            cursor.execute("DROP TABLE taken, leaves")
            cursor.execute(f"RESET {keep}")


@pytest.mark.parametrize(
    ("scopes", "status"),
    [(BOTH, 201), (("webhooks:write",), 403), (("audit:read",), 403), (("referrals:read",), 403)],
)
def test_a_witness_is_named_by_who_keeps_webhooks_and_reads_the_seals(
    partner: Any, receiver: Receiver, scopes: tuple[str, ...], status: int
) -> None:
    body = {"url": receiver.url, "about": "checkpoints"}
    assert partner(*scopes).post("/v1/webhooks", body).status_code == status


def test_who_may_not_read_the_seals_finds_no_witness_moves_none_and_reads_no_delivery(
    api: Any, partner: Any, receiver: Receiver
) -> None:
    """Its deliveries number the seals of all agencies, minute by minute; moved to another address,
    it sends each of them there."""
    hook = witness(partner(*BOTH), receiver)
    seal()
    work()
    assert receiver.had
    path = f"/v1/webhooks/{hook['id']}"
    for caller in (api("police.admin"), partner("webhooks:write")):
        assert caller.get("/v1/webhooks").json()["items"] == []
        asked = [
            lambda at, who=caller: who.get(at),
            lambda at, who=caller: who.get(f"{at}/deliveries"),
            lambda at, who=caller: who.post(f"{at}/rotate"),
            lambda at, who=caller: who.post(f"{at}/ping"),
            lambda at, who=caller: who.delete(at),
            lambda at, who=caller: who.patch(at, {"url": f"{receiver.url}2"}, If_Match='"a"'),
        ]
        for ask in asked:
            answers = [ask(at) for at in (path, f"/v1/webhooks/{uuid4()}")]
            assert {(one.status_code, one.json()["code"]) for one in answers} == {
                (404, "not_found")
            }
        taken = caller.post("/v1/webhooks", {"url": receiver.url})
        assert (taken.status_code, taken.json()["code"]) == (409, "webhook_exists")
    assert partner(*BOTH).get(path).json()["state"] == "ok"


def test_witnesses_take_no_place_of_an_administrators_webhooks(
    api: Any, partner: Any, settings: Any
) -> None:
    """Else a refusal would say that there is one."""
    with receivers(settings, *[b""] * 2) as (watching, _):
        witness(partner(*BOTH), watching)
        admin = api("police.admin")
        made = [
            admin.post("/v1/webhooks", {"url": f"{watching.url}{number}"}).status_code
            for number in range(6)
        ]
        assert made == [201] * 5 + [409]


def test_an_administrator_adds_none(api: Any, receiver: Receiver) -> None:
    admin = api("ywca.admin")
    body = {"url": receiver.url, "about": "checkpoints"}
    answer = admin.post("/v1/webhooks", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
    assert admin.get("/v1/webhooks").json()["items"] == []
    assert admin.post("/v1/webhooks", body | {"about": "everything"}).status_code == 400


def test_the_second_wall_refuses_too(api: Any) -> None:
    with as_app(api("ywca.admin")) as cursor:
        statement = (
            "INSERT INTO webhook_endpoint (id, agency_id, url, about, created_at, at_xact,"
            " at_event, next_at) SELECT gen_random_uuid(), (sec.identity()).agency_id,"
            " 'https://witness.example.org/', %s, now(), 0, gen_random_uuid(), now()"
        )
        assert refused(cursor, statement, ["checkpoints"])
        assert not refused(cursor, statement, ["events"])


def test_an_injected_query_of_an_administrator_finds_no_witness_and_no_delivery_of_one(
    api: Any, partner: Any, receiver: Receiver
) -> None:
    hook = witness(partner(*BOTH), receiver)
    seal()
    work()
    counts = {
        "SELECT count(*) FROM webhook_endpoint WHERE id = %s",
        "SELECT count(*) FROM webhook_secret WHERE endpoint_id = %s",
        "SELECT count(*) FROM webhook_delivery WHERE endpoint_id = %s",
    }
    for caller, seen in ((partner(*BOTH), 1), (partner("webhooks:write"), 0)):
        with as_app(caller) as cursor:
            for count in counts:
                cursor.execute(count, [hook["id"]])
                assert cursor.fetchone() == (seen,), count
            cursor.execute("UPDATE webhook_endpoint SET url = 'https://a.example/' WHERE id = %s",
                           [hook["id"]])  # fmt: skip
            assert cursor.rowcount == seen


def test_it_is_not_set_back_to_an_event(story: Story, partner: Any, receiver: Receiver) -> None:
    caller = partner(*BOTH)
    hook = witness(caller, receiver)
    answer = caller.post(f"/v1/webhooks/{hook['id']}/replay", {"event_id": str(uuid4())})
    assert (answer.status_code, answer.json()["code"]) == (409, "event_unknown")
