"""The verifier, which needs none of our code, and the proofs that it checks."""

import ast
import base64
import io
import json
import os
import resource
import subprocess
import sys
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.ledger import sealed_export, sealer, verifier
from permissions.models import Client
from tests.seals.sealed_log import sealed as sealed  # a fixture
from tests.seals.sealed_log import verified as verified  # a fixture
from tests.support.people.seals import guard, partitions, seal, tampered
from tests.support.people.stories import Story

SAID = {"origin": "", "previous": "", "root": "", "seq": 1, "size": 0, "time": ""}
UNSIGNED = {"key_id": "a", "signature": ""}


# -- What a reader, a witness and an auditor get ---------------------------------------------------


def test_an_entry_is_proved_to_its_agencys_auditor_and_to_no_other_auditor(
    sealed: Path, story: Story, api: Any
) -> None:
    story.release("name").packet(name="Invented Person")
    receipt = (
        api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()["receipt"]
    )
    path = f"/v1/access-log/{receipt}/proof"
    assert api("ywca.auditor").get(path).json()["code"] == "not_sealed"
    seal()
    proof = api("ywca.auditor").get(path).json()
    body = json.loads(proof["checkpoint"]["body"])
    siblings = [bytes.fromhex(one) for one in proof["path"]]
    right = (bytes.fromhex(proof["leaf"]), proof["place"], proof["size"], siblings)
    top = bytes.fromhex(body["root"])
    assert verifier.root_from_path(*right) == top
    assert verifier.root_from_path(bytes(32), *right[1:]) != top
    unknown = f"/v1/access-log/{uuid7()}/proof"
    other = api("police.auditor")
    assert other.get(path).json()["code"] == other.get(unknown).json()["code"] == "not_sealed"
    assert api(None).get(path).status_code == 401


def test_a_proof_holds_the_entry_and_the_verifier_checks_all_of_it(
    sealed: Path, story: Story, api: Any, verified: Any
) -> None:
    story.release("name").packet(name="Invented Person")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    path = f"/v1/access-log/{opened.json()['receipt']}/proof"
    seal()
    proof = api("ywca.auditor").get(path).content.decode()
    said = json.loads(json.loads(proof)["entry"])
    assert said[0] == opened.json()["receipt"]
    assert {str(story.id), "intake", "referral.open_packet"} <= set(said)
    status, told = verified("--proof", "proof", proof=proof)
    assert (status, "As it was sealed." in told) == (0, True), told
    assert f"Entry: {json.loads(proof)['entry']}\n" in told, "a proof may be of another entry"
    with sealed.open("a") as file:
        file.write(json.dumps({"seq": 1, "sha256": "0" * 64}) + "\n")
    status, told = verified("--proof", "proof", "--witness", str(sealed), proof=proof)
    assert (status, "No witness:" in told) == (0, True), "it holds the batches before alone"
    given = json.loads(proof)
    held = json.dumps(given["checkpoint"])
    status, told = verified("--proof", "proof", "--witness", "held", proof=proof, held=held)
    assert (status, "No witness" in told) == (0, False), told
    for wrong, what in (
        (given | {"entry": given["entry"].replace("intake", "safety")}, "an entry was changed"),
        (given | {"path": ["0" * 64, *given["path"][1:]]}, "not those that were signed"),
        (
            given | {"checkpoint": given["checkpoint"] | {"key_id": "0"}},
            "not that of a known key",
        ),
    ):
        status, told = verified("--proof", "proof", proof=json.dumps(wrong))
        assert (status, what in told) == (1, True), told


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ("UPDATE access_entry SET member_id = gen_random_uuid(), purpose = 'safety'", "not as it"),
        ("UPDATE access_entry SET agency_id = gen_random_uuid()", "not as it was sealed"),
        ("DELETE FROM access_entry", "not there any more"),
        ("UPDATE access_entry SET at = at - interval '1 second'", "not there any more"),
    ],
)
def test_a_receipt_and_a_proof_of_what_was_tampered_with_are_refused_and_say_so(
    sealed: Path, story: Story, api: Any, superuser: Any, edit: str, says: str
) -> None:
    story.release("name").packet(name="Invented Person")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    receipt = opened.json()["receipt"]
    seal()
    superuser.commit()
    with tampered(superuser) as cursor:
        cursor.execute(f"{edit} WHERE id = %s", [receipt])
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        answers = [
            api("ywca.worker").get(f"/v1/access-log/{receipt}/receipt"),
            api("ywca.auditor").get(f"/v1/access-log/{receipt}/proof"),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (409, "log_tampered"), answer.content
        assert says in answer.json()["detail"]
    seal()


def test_a_witness_fetches_checkpoints_and_follows_them(sealed: Path, api: Any) -> None:
    client = api("police.client")
    witnessing = Client.objects.get(client_id="demo-police")
    credentials.open_for_client(witnessing, client.secret + "-of-a-witness", ["audit:read"])
    client.secret += "-of-a-witness"
    found: list[dict[str, str]] = []
    while page := client.get(
        "/v1/access-log/checkpoints",
        {"after": str(json.loads(found[-1]["body"])["seq"]) if found else "0", "limit": "2"},
    ).json()["items"]:
        found += page
    chain = verifier.Chain(api(None).get("/v1/access-log/keys").json()["keys"])
    assert len(found) >= 3
    for one in found:
        assert chain.signed(one)
    hashes = [sha256(one["body"].encode()).hexdigest() for one in found]
    assert [json.loads(one["body"])["previous"] for one in found][1:] == hashes[:-1]
    assert api("ywca.auditor").get("/v1/access-log/checkpoints").status_code == 200
    assert api("ywca.worker").get("/v1/access-log/checkpoints").status_code == 403
    assert client.get("/v1/access-log/checkpoints", {"after": "x"}).status_code == 400


# -- The verifier ----------------------------------------------------------------------------------


def test_the_verifier_is_one_short_file_that_needs_none_of_ours() -> None:
    source = Path(verifier.__file__).read_text()
    assert len(source.splitlines()) <= 350
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    ours = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert ours == {"cryptography"}


def test_it_is_downloaded_with_its_checksum_and_runs_by_itself(
    sealed: Path, api: Any, tmp_path: Path, superuser: Any
) -> None:
    answer = api(None).get("/v1/access-log/verifier.py")
    digest = base64.b64encode(sha256(answer.content).digest()).decode()
    assert answer["Repr-Digest"] == f"sha-256=:{digest}:"
    program, export = tmp_path / "verifier.py", tmp_path / "export.txt"
    program.write_bytes(answer.content)
    (tmp_path / "keys.json").write_text(json.dumps(sealed_export.public_keys()))
    export.write_text("".join(f"{line}\n" for line in sealed_export.lines()))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(program), str(export), "--keys", "keys.json", *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    fine = run("--witness", str(sealed))
    *retired, reach, verdict = fine.stdout.splitlines()  # by other tests, which let a month go
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert (fine.returncode, verdict) == (0, "As it was sealed."), fine.stderr
    assert reach == f"Checkpoints 1 to {newest.seq}: {newest.size} entries."
    assert all(line.startswith("RETIRED: ") for line in retired)
    assert "No witness:" in run().stdout
    lines = export.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if "referral.accept" in line)
    row = json.loads(lines[at][65:])[0]
    lines[at] = lines[at].replace("referral.accept", "referral.decline")
    export.write_text("".join(f"{line}\n" for line in lines))
    wrong = run()
    assert wrong.returncode == 1
    assert f"FAULT: an entry was changed: {row}" in wrong.stdout
    export.write_text("nonsense\n")
    assert run().returncode == 2
    export.write_text("")
    assert run().returncode == 1, "an empty export is not a sound one"


def test_a_log_whose_beginning_is_not_there_verifies_as_a_part_alone(
    sealed: Path, verified: Any
) -> None:
    newest = sealer.newest_checkpoint()
    assert newest is not None
    behind = newest.seq - 2
    status, said = verified(export=behind)
    assert status == 1
    assert f"FAULT: checkpoints are missing before it: checkpoint {behind + 1}" in said
    for more in ((), ("--witness", str(sealed))):
        status, said = verified("--after", str(behind), *more, export=behind)
        assert (status, f"Checkpoints {behind + 1} to {newest.seq}: " in said) == (0, True), said
    assert verified("--after", str(behind - 1), export=behind)[0] == 1
    with sealed.open() as held:
        hashes = [sha256(json.loads(line)["body"].encode()).hexdigest() for line in held]
    other = json.dumps({"seq": behind + 1, "sha256": hashes[0]})
    status, said = verified("--after", str(behind), "--witness", "held", export=behind, held=other)
    assert (status, "is not the one that was witnessed" in said) == (1, True)


def test_the_verifier_takes_keys_and_witnesses_as_they_are_served(
    sealed: Path, verified: Any, api: Any
) -> None:
    newest = sealer.newest_checkpoint()
    assert newest is not None
    told = {"seq": newest.seq, "sha256": newest.hash}
    keys = api(None).get("/v1/access-log/keys").content.decode()
    page = api("ywca.auditor").get("/v1/access-log/checkpoints", {"limit": "1000"}).content.decode()
    for held in (
        json.dumps(told),
        json.dumps({"type": "log.checkpoint", "timestamp": "", "data": told}),
        page,
        sealed.read_text(),
    ):
        status, said = verified("--witness", "held", keys=keys, held=held)
        assert (status, "As it was sealed." in said) == (0, True), said
        assert "No witness" not in said
    for wrong in (told | {"sha256": "0" * 64}, told | {"seq": newest.seq + 1}):
        status, said = verified("--witness", "held", held=json.dumps({"data": wrong}))
        assert (status, "witnessed: checkpoint" in said or "not there" in said) == (1, True), said


@pytest.mark.parametrize(
    "files",
    [
        {"keys": "[]"},
        {"keys": "{}"},
        {"keys": '{"keys": []}'},
        {"keys": '{"keys": {"a": 1}}'},
        {"keys": '{"a": "no key"}'},
        {"keys": "no JSON"},
        {"held": "[]"},
        {"held": "{}"},
        {"held": '{"data": {"seq": 1}}'},
        {"held": '{"body": "[]"}'},
        {"held": '{"items": 1}'},
        {"export": "nonsense"},
        {"export": '{"body": "[]", "key_id": "a", "signature": ""}'},
        {"export": '{"body": 1, "key_id": "a", "signature": ""}'},
        {"export": "{}"},
        {"export": json.dumps(UNSIGNED | {"body": json.dumps(SAID | {"gap": {"to_seq": 0}})})},
        {"export": "+ []"},
        {"export": "+ " + "[" * 100_000},
        {"export": f"{'0' * 64} -"},
        {"export": f"{'0' * 64} ~"},
        {"proof": "[]"},
        {"proof": "{}"},
        {"proof": '{"entry": null}'},
        {"receipt": "[]"},
        {"receipt": "{}"},
        {"receipt": '{"body": 1, "key_id": "a", "signature": ""}'},
        {"receipt": '{"body": "cairn receipt 1\\n[]", "key_id": "a", "signature": ""}'},
        {"receipt": '{"body": "cairn receipt 1\\na\\n[]", "key_id": "a", "signature": ""}'},
        {"proof": '{"entry": "[]", "leaf": "", "path": [1], "place": 0, "size": 1}'},
    ],
    ids=lambda files: " ".join(f"{name} {text[:30]}" for name, text in files.items()),
)
def test_what_the_verifier_cannot_read_it_says_and_never_that_it_was_tampered_with(
    verified: Any, files: dict[str, str]
) -> None:
    more = [more for name in ("proof", "receipt") if name in files for more in (f"--{name}", name)]
    more += ["--witness", "held"] if "held" in files else []
    status, said = verified(*more, **files)
    assert (status, "Traceback" in said) == (2, False), said
    assert "Cannot be checked: " in said


def test_a_line_without_end_fills_no_memory(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(json.dumps(sealed_export.public_keys()))
    done = subprocess.run(
        [sys.executable, "-I", verifier.__file__, "/dev/zero", "--keys", "keys"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )
    assert (done.returncode, "line 1: ValueError" in done.stderr) == (2, True), done.stderr


def test_the_writer_of_an_export_does_not_write_to_the_auditors_terminal(verified: Any) -> None:
    """An id that hides its own line, and a gap that would say that all is well."""
    hides = "\x1b[2K\rAs it was sealed.\x1b[8m\u202e"
    body = json.dumps(SAID | {"gap": {"from_seq": 1, "to_seq": 0, "entries": hides}})
    export = f"{'0' * 64} {json.dumps([hides])}\n{json.dumps(UNSIGNED | {'body': body})}"
    status, said = verified(export=export)
    assert (status, "FAULT: an entry was changed: \\x1b[2K" in said) == (1, True), said
    assert said.isascii()
    assert all(line.isprintable() for line in said.split("\n"))


def test_lines_that_end_as_another_system_ends_them_are_no_tampering(sealed: Path) -> None:
    chain = verifier.Chain(sealed_export.public_keys())
    lines = (line[:-1] + b"\r\n" for line in sealed_export.verifier_lines())
    assert list(verifier.check(lines, chain)) == []


@pytest.mark.no_database
def test_the_verifier_is_readable_on_a_machine_of_another_language() -> None:
    for encoding in ("ascii", "cp1252"):
        done = subprocess.run(
            [sys.executable, verifier.__file__, "--help"],
            env=os.environ | {"PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_the_verifier_says_how_far_it_is(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "PROGRESS_EVERY", 5)
    told = io.StringIO()
    lines = list(sealed_export.verifier_lines())
    list(verifier.check(lines, verifier.Chain(sealed_export.public_keys()), told))
    checkpoints = [at for at, line in enumerate(lines, 1) if line.startswith(b"{")]
    passed = [at for before, at in pairwise([0, *checkpoints]) if before // 5 < at // 5]
    assert passed
    assert told.getvalue() == "".join(f"{at:,} lines\n" for at in passed)
