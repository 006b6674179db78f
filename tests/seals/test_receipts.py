"""Receipts: what a member is given of the sealed log. They prove that an entry was sealed, and say
nothing of what others do."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from permissions.database.uuid7 import uuid7
from permissions.keys.keystore import key_store
from permissions.ledger import sealed_export, sealer, verifier
from tests.seals.sealed_log import sealed as sealed  # a fixture
from tests.seals.sealed_log import verified as verified  # a fixture
from tests.support.ground.database import as_app, refused_for_want_of_rights
from tests.support.people.callers import member_id
from tests.support.people.seals import ask, seal
from tests.support.people.stories import Story
from tests.support.proofs.route_table import API

LOG = "/v1/access-log"
COLUMNS = (
    *("id", "at", "agency_id", "member_id", "client_id", "act", "purpose", "referral_id"),
    *("referral_ids", "subject", "fields", "release_id", "directory_id", "decision", "rule"),
    *("request_id", "address_prefix", "xact"),
)
MEMBERS = ("ywca.worker", "ywca.worker2", "ywca.lead", "ywca.admin", "ywca.client", "police.worker")


@pytest.fixture
def opened(sealed: Path, story: Story, api: Any) -> str:
    """The id of the entry by which ywca.worker opened a packet; it is sealed."""
    story.release("name").packet(name="Invented Person")
    answer = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    seal()
    return str(answer.json()["receipt"])


def given(api: Any, entry_id: str, who: str = "ywca.worker") -> dict[str, str]:
    answer = api(who).get(f"{LOG}/{entry_id}/receipt")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def others_write(api: Any, entries: int) -> None:
    """Another agency works, in several batches."""
    caller = api("police.worker")
    for number in range(entries):
        assert caller.get("/v1/referrals").status_code == 200
        if number % 5 == 0:
            seal()
    seal()


# -- What it tells ---------------------------------------------------------------------------------


def test_a_member_fetches_a_receipt_twice_and_learns_nothing_of_what_others_did_between(
    opened: str, api: Any
) -> None:
    path = f"{LOG}/{opened}/receipt"

    def seen() -> tuple[int, bytes, dict[str, str]]:
        answer = api("ywca.worker").get(path)
        own = {name: text for name, text in answer.items() if name != "X-Request-Id"}
        return answer.status_code, answer.content, own

    first = seen()
    assert first[0] == 200, first[1]
    others_write(api, 33)
    assert seen() == first, "byte for byte"


def test_a_member_compares_two_receipts_and_finds_in_both_their_own_acts_alone(
    opened: str, story: Story, api: Any, superuser: Any
) -> None:
    """Each field is the member's own act, or the same in every receipt. Neither the number of the
    transaction, which counts what everyone writes, nor the leaf, from which it could be found by
    trying, is among them."""
    others_write(api, 20)
    again = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()["receipt"]
    seal()
    receipts = [given(api, entry) for entry in (opened, again)]
    for receipt in receipts:
        assert set(receipt) == {"body", "key_id", "signature"}
    first, second = (receipt["body"].split("\n") for receipt in receipts)
    assert len(first) == len(second) == 3
    assert first[:2] == second[:2], "what it is, and of which log"
    entries = [dict(zip(COLUMNS, json.loads(text), strict=True)) for text in (first[2], second[2])]
    differs = {name for name in COLUMNS if entries[0][name] != entries[1][name]}
    assert differs == {"id", "at", "request_id"}
    for entry_id, entry in zip((opened, again), entries, strict=True):
        assert (entry["id"], entry["act"]) == (entry_id, "referral.open_packet")
        assert entry["member_id"] == str(member_id("ywca.worker"))
        assert entry["xact"] is None
    leaf, xact = ask(
        superuser, "SELECT encode(leaf, 'hex'), xact::text FROM access_entry WHERE id = %s", again
    )
    assert leaf not in json.dumps(receipts)
    assert f'"{xact}"' not in second[2]


def test_no_address_of_the_log_answers_a_member_otherwise_when_others_have_worked(
    opened: str, api: Any
) -> None:
    """Every address under /v1/access-log, asked by each kind of member before and after."""
    paths = re.findall(r"^GET +(v1/access-log\S*)", API, re.MULTILINE)
    assert f"{LOG[1:]}/<uuid:entry_id>/receipt" in paths
    paths = [path.replace("<uuid:entry_id>", opened) for path in paths]

    def answers() -> dict[tuple[str, str], tuple[int, bytes, dict[str, str]]]:
        found = {}
        for who in MEMBERS:
            for path in paths:
                answer = api(who).get(f"/{path}")
                request_id = answer["X-Request-Id"]
                own = {name: text for name, text in answer.items() if text != request_id}
                content = answer.content.replace(request_id.encode(), b"")
                found[who, path] = (answer.status_code, content, own)
        return found

    before = answers()
    others_write(api, 15)
    assert answers() == before
    shown = {(who, path) for (who, path), (status, *_) in before.items() if status == 200}
    for who, path in shown:
        what = path.removeprefix("v1/access-log/")
        assert what in ("keys", "verifier.py") or (who, what) in {
            ("ywca.worker", f"{opened}/receipt"),
            ("ywca.admin", "opt-ins"),
        }, (who, path)


def test_a_member_asks_for_a_whole_proof_and_is_refused_whether_the_entry_is_theirs_or_no_ones(
    opened: str, api: Any
) -> None:
    """The proof names the tree's size, the entry's place and the second of its seal."""
    for who in ("ywca.worker", "ywca.lead", "ywca.admin", "ywca.client", "police.worker"):
        for entry in (opened, str(uuid7())):
            answer = api(who).get(f"{LOG}/{entry}/proof")
            code = "scope_missing" if who == "ywca.client" else "role_missing"
            assert (answer.status_code, answer.json()["code"]) == (403, code), who
    assert api("ywca.auditor").get(f"{LOG}/{opened}/proof").status_code == 200


def test_a_query_that_is_injected_for_a_member_reads_no_batch(opened: str, api: Any) -> None:
    caller = api("ywca.worker")
    for statement in (
        "SELECT * FROM sec.inclusion_proof(%s)",
        "SELECT * FROM sec.seal_of(%s)",
        "SELECT * FROM log_leaf WHERE entry_id = %s",
        "SELECT * FROM log_checkpoint WHERE body <> %s::text",
    ):
        with as_app(caller) as cursor:
            assert refused_for_want_of_rights(cursor, statement, [opened]), statement


def test_a_receipt_is_given_to_whose_entry_it_is_and_to_others_as_of_a_random_id(
    opened: str, story: Story, api: Any
) -> None:
    by_system = api("ywca.client", acting="ywca.worker")
    read = by_system.act(story.id, "open_packet", {"purpose": "safety"}).json()["receipt"]
    assert api("ywca.worker").get(f"{LOG}/{read}/receipt").json()["code"] == "not_sealed"
    seal()
    for who in ("ywca.worker2", "ywca.lead", "ywca.auditor", "police.worker", "outsider.lead"):
        other = api(who)
        answers = [other.get(f"{LOG}/{one}/receipt") for one in (opened, read, str(uuid7()))]
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(409, "not_sealed")}
    assert api(None).get(f"{LOG}/{opened}/receipt").status_code == 401
    for system in (by_system, api("ywca.client")):
        assert system.get(f"{LOG}/{read}/receipt").status_code == 200
        assert system.get(f"{LOG}/{opened}/receipt").status_code == 409
    assert read in given(api, read)["body"], "it was done in the member's name"


# -- What it proves --------------------------------------------------------------------------------


def test_a_receipt_proves_itself_to_anyone_without_this_server(
    opened: str, api: Any, verified: Any
) -> None:
    receipt = given(api, opened)
    status, told = verified("--receipt", "receipt", export=None, receipt=json.dumps(receipt))
    assert status == 0, told
    entry = receipt["body"].split("\n")[2]
    assert f"Receipt: {entry}" in told
    for wrong in (
        receipt | {"body": receipt["body"].replace("intake", "safety")},
        receipt | {"key_id": "0"},
        receipt | {"signature": base64.b64encode(bytes(64)).decode()},
    ):
        status, told = verified("--receipt", "receipt", export=None, receipt=json.dumps(wrong))
        assert (status, "not that of a known key" in told) == (1, True), told


def test_a_checkpoint_is_no_receipt_and_a_receipt_is_no_checkpoint(
    opened: str, api: Any, verified: Any
) -> None:
    """Both are signed by one key: neither text can be read as the other."""
    newest = sealer.newest_checkpoint()
    assert newest is not None
    line = sealed_export.checkpoint_line(newest)
    status, told = verified("--receipt", "receipt", export=None, receipt=line)
    assert (status, "it is no receipt" in told) == (2, True), told
    status, told = verified(export=json.dumps(given(api, opened)))
    assert (status, "Cannot be checked" in told) == (2, True), told


def test_an_auditor_finds_the_entry_of_a_receipt_in_the_log_and_in_its_proof(
    opened: str, api: Any, verified: Any, sealed: Path
) -> None:
    others_write(api, 3)
    receipt = json.dumps(given(api, opened))
    status, told = verified("--receipt", "receipt", receipt=receipt)
    assert (status, "Its entry is here." in told) == (0, True), told
    auditor = api("ywca.auditor")
    export = auditor.get(f"{LOG}/export", {"format": "sealed"})
    own = b"".join(export.streaming_content).decode()
    status, told = verified("--own", "--receipt", "receipt", export=own, receipt=receipt)
    assert (status, "Its entry is here." in told) == (0, True), told
    proof = auditor.get(f"{LOG}/{opened}/proof").content.decode()
    both = ("--proof", "proof", "--receipt", "receipt")
    status, told = verified(*both, proof=proof, receipt=receipt)
    assert (status, "Its entry is here." in told) == (0, True), told
    own_entry = auditor.get("/v1/access-log", {"limit": "1"}).json()["items"][0]["id"]
    seal()
    other = auditor.get(f"{LOG}/{own_entry}/proof").content.decode()
    status, told = verified(*both, proof=other, receipt=receipt)
    assert (status, "Its entry is not here:" in told) == (2, True), told


def rewritten(lines: Iterable[str], without: str) -> Iterator[str]:
    """The log without the entries that hold this text, sealed again by who has the key."""
    leaves: list[bytes] = []
    size, previous = 0, ""
    for line in lines:
        if not line.startswith("{"):
            if without not in line:
                leaves.append(bytes.fromhex(line[:64]))
                yield line
            continue
        size += len(leaves)
        said = json.loads(json.loads(line)["body"])
        said |= {"root": verifier.root(leaves).hex(), "size": size, "previous": previous}
        body = json.dumps(said, sort_keys=True, separators=(",", ":"))
        leaves, previous = [], sha256(body.encode()).hexdigest()
        signed = key_store().sign(body.encode())
        signature = base64.b64encode(signed.signature).decode()
        yield json.dumps({"body": body, "key_id": signed.key_id, "signature": signature})


def test_who_has_database_and_key_takes_an_entry_out_and_its_receipt_convicts_them(
    opened: str, api: Any, verified: Any
) -> None:
    """The log is whole again, and no witness holds the old one: the receipt alone remembers."""
    others_write(api, 3)
    receipt = json.dumps(given(api, opened))
    log = "\n".join(rewritten(sealed_export.lines(), without=f'["{opened}",'))
    assert opened not in log
    status, told = verified(export=log)
    assert (status, "As it was sealed." in told) == (0, True), told
    status, told = verified("--receipt", "receipt", export=log, receipt=receipt)
    assert status == 1, told
    assert f"FAULT: the entry of the receipt is not in this log: {opened}" in told


def test_an_entry_that_was_exchanged_for_another_is_not_that_of_its_receipt(
    opened: str, api: Any, verified: Any
) -> None:
    """Sealed again under its id with another purpose, which only its receipt denies."""
    receipt = json.dumps(given(api, opened))

    def exchanged() -> Iterator[str]:
        for line in sealed_export.lines():
            if f'["{opened}",' in line:
                text = line[65:].replace('"intake"', '"safety"')
                leaf = sha256(b"\x00" + text.encode()).hexdigest()
                yield f"{leaf} {text}"
            else:
                yield line

    log = "\n".join(rewritten(exchanged(), without="no entry"))
    assert verified(export=log)[0] == 0
    status, told = verified("--receipt", "receipt", export=log, receipt=receipt)
    assert (status, "is not in this log" in told) == (1, True), told


def test_of_a_part_of_the_log_nothing_is_said_against_a_receipt(
    opened: str, api: Any, verified: Any
) -> None:
    receipt = json.dumps(given(api, opened))
    newest = sealer.newest_checkpoint()
    assert newest is not None
    others_write(api, 1)
    part = ("--after", str(newest.seq), "--receipt", "receipt")
    status, told = verified(*part, export=newest.seq, receipt=receipt)
    assert (status, "Its entry is not here:" in told) == (2, True), told


def test_a_receipt_of_another_log_is_said_to_be_that(opened: str, api: Any, verified: Any) -> None:
    """Signed by the same key store, in whose database another log was begun."""
    kind, _, entry = given(api, opened)["body"].split("\n")
    body = f"{kind}\ncairn/{uuid4()}\n{entry}"
    signed = key_store().sign(body.encode())
    signature = base64.b64encode(signed.signature).decode()
    other = {"body": body, "key_id": signed.key_id, "signature": signature}
    status, told = verified("--receipt", "receipt", receipt=json.dumps(other))
    assert (status, "the receipt is of another log" in told) == (1, True), told
