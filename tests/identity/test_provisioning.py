"""An operator adds an agency, a member and a partner system; then they can act."""

import json
import re
import shlex
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from jwcrypto import jwk
from psycopg2.errors import CheckViolation, InsufficientPrivilege

from api.accounts.oauth import SCOPES
from api.dev.walkthrough import one_time_code
from directory.models import Organization
from permissions.identity import credentials
from permissions.ledger import sealer, verifier
from permissions.models import Agency, Client, Membership, Person
from tests.support.access_log import everything_stored, the_log_is_full
from tests.support.callers import Caller, agency_id, member_id
from tests.support.repository import REPOSITORY


def add(*words: str) -> dict[str, str]:
    out = StringIO()
    call_command("add", *words, stdout=out)
    return dict(line.split(" ", 1) for line in out.getvalue().splitlines())


@pytest.fixture
def agency(request: Any, superuser: Any) -> Any:
    name = f"Agency of {request.node.name}"
    words = ("--name", name, "--kind", "social_service", "--duty", "ferpa")
    found = add("agency", *words)["agency"]
    yield found
    with superuser.cursor() as cursor:
        cursor.execute(LEAVES, {"agency": found})


LEAVES = """
    RESET ROLE;
    DELETE FROM permissions_client WHERE agency_id = %(agency)s;
    CREATE TEMP TABLE new ON COMMIT DROP AS
        SELECT id FROM permissions_person WHERE username LIKE 'new.%%';
    DELETE FROM credential
     WHERE agency_id = %(agency)s OR person_id IN (TABLE new);
    DELETE FROM permissions_membership WHERE agency_id = %(agency)s OR person_id IN (TABLE new);
    DELETE FROM mfa_authenticator WHERE user_id IN (TABLE new);
    DELETE FROM permissions_person WHERE id IN (TABLE new);
    DELETE FROM permissions_agency WHERE id = %(agency)s
"""


def test_a_new_member_can_act_at_once(agency):
    words = ("--agency", agency, "--username", "new.worker", "--name", "New Example")
    told = add("member", *words, "--role", "worker")
    member = Membership.objects.using("door").get(id=UUID(told["member"]))
    secret = credentials.open_for_member(member)
    answer = Caller("new.worker", secret).get("/v1/referrals")
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    person = Person.objects.get(username="new.worker")
    assert person.check_password(told["password"])
    authenticator = Authenticator.objects.get(user=person)
    code_secret = told["one-time"].removeprefix("code secret ").split()[0]
    assert code_secret not in str(authenticator.data)  # sealed


def test_roles_that_exclude_each_other_are_refused_and_leave_nobody(agency):
    words = ("--agency", agency, "--username", "new.mixed", "--name", "Mixed Example")
    with pytest.raises(CommandError, match="excludes"):
        add("member", *words, "--role", "auditor", "--role", "worker")
    assert not Person.objects.filter(username="new.mixed").exists()


@pytest.mark.parametrize(
    "username", ["", " ", "new worker", "new.worker ", "new\x00", "n\udce9w", "néw", "n" * 151]
)
def test_a_user_name_is_a_plain_one(agency, username):
    with pytest.raises(CommandError, match=r"like c[.]example"):
        add("member", "--agency", agency, "--username", username, "--name", "N", "--role", "worker")


@pytest.mark.parametrize("name", ["", " ", "Zo\udce9", "N\x00", "New ", "N" * 201])
def test_a_name_that_cannot_be_kept_leaves_nobody_half_added(agency, name):
    words = ("--agency", agency, "--username", "new.half", "--name", name, "--role", "worker")
    with pytest.raises(CommandError, match=r"name (is a line of plain text|has 200 characters)"):
        add("member", *words)
    assert not Person.objects.filter(username="new.half").exists()
    with pytest.raises(CommandError, match=r"name (is a line of plain text|has 200 characters)"):
        add("agency", "--name", name, "--kind", "legal")


def test_a_name_in_other_case_is_the_same_person(agency, network):
    before = Person.objects.count()
    words = ("--agency", agency, "--name", "Second Agency", "--role", "worker")
    told = add("member", *words, "--username", "Hospital.Worker2")
    assert Person.objects.count() == before
    assert told["known"] == "already: signs in as hospital.worker2, with what she has"
    member = Membership.objects.using("door").get(id=UUID(told["member"]))
    assert member.person.username == "hospital.worker2"


def test_whoever_was_half_added_is_completed_by_the_next_try(agency, monkeypatch):
    words = ("--agency", agency, "--username", "new.killed", "--name", "K", "--role", "worker")
    with monkeypatch.context() as killed:
        killed.setattr("permissions.identity.provisioning.add_member", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add("member", *words)
    told = add("member", *words)
    person = Person.objects.get(username="new.killed")
    assert person.check_password(told["password"])
    assert Authenticator.objects.filter(user=person).count() == 1


def set_agency(*words: str) -> str:
    out = StringIO()
    call_command("set_agency", *words, stdout=out)
    return out.getvalue()


def test_an_agency_takes_referrals_by_phone_only_and_again_here(agency):
    assert "referrals: here\n" in set_agency(agency)
    assert "referrals: by phone only\n" in set_agency(agency, "--takes-notices", "no")
    assert not Agency.objects.using("jobs").get(id=agency).takes_notices
    assert "referrals: by phone only\n" in set_agency(agency), "and it stays so"
    name = Agency.objects.using("jobs").get(id=agency).name
    assert "referrals: here\n" in set_agency(name, "--takes-notices", "yes")


def test_the_runbooks_lines_that_set_an_agency_are_taken(agency):
    text = (REPOSITORY / "deploy" / "RUNBOOK.md").read_text().replace("\\\n", " ")
    lines = re.findall(r'^    manage\.py (set_\w+) "Sample Advocacy" ([^#\n]*)', text, re.MULTILINE)
    assert {command for command, _ in lines} == {"set_agency", "set_clocks"}
    for command, words in lines:
        words = words.replace("MEMBER_ID", str(member_id("ywca.lead")))
        call_command(command, agency, *shlex.split(words), stdout=StringIO())
    found = Agency.objects.using("jobs").get(id=agency)
    assert not found.takes_notices
    assert found.outside_reviewer_id == member_id("ywca.lead")
    assert found.durations == {"urgent": [30, 60, 240, 480]}
    assert len(found.opening_hours) == 7


def test_an_agency_of_one_names_who_outside_reviews_it(agency, worker):
    outside = str(member_id("ywca.lead"))
    assert f"outside reviewer: {outside}" in set_agency(agency, "--outside-reviewer", outside)
    for wrong in (str(worker[0].id), str(uuid4()), "ywca.lead"):
        with pytest.raises(CommandError, match="a member of another agency"):
            set_agency(agency, "--outside-reviewer", wrong)
    assert f"outside reviewer: {outside}" in set_agency(agency), "a refusal changes nothing"
    assert "outside reviewer: none" in set_agency(agency, "--outside-reviewer", "none")


def test_nobody_reviews_herself_from_another_agency(agency):
    words = ("--agency", agency, "--username", "hospital.worker2", "--name", "Alone", "--role")
    add("member", *words, "lead")
    with pytest.raises(CommandError, match="nobody reviews herself"):
        set_agency(agency, "--outside-reviewer", str(member_id("hospital.worker2")))
    assert "outside reviewer: none" in set_agency(agency)


def test_an_agency_that_ends_lets_nobody_in(agency, worker):
    said = set_agency(agency, "--active", "no", "--retention-days", "60", "--duty-phone", "")
    assert "retention: 60 days\nduty phone: none\nnot in:" in said
    assert worker[1].get("/v1/referrals").status_code == 401
    with pytest.raises(CommandError, match="7 to 3650"):
        set_agency(agency, "--retention-days", "6", "--active", "yes")
    assert "not in" in set_agency(agency)
    with pytest.raises(CommandError, match="not one agency"):
        set_agency("Nowhere")


def member(*words: str) -> str:
    out = StringIO()
    call_command("member", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def worker(agency):
    """A new member's words, her membership, and a live session of hers."""
    words = ("--agency", agency, "--username", f"new.{uuid4().hex}", "--name", "New Example")
    told = add("member", *words, "--role", "worker")
    found = Membership.objects.using("door").get(id=UUID(told["member"]))
    return found, Caller("new", credentials.open_for_member(found))


def secret_of(told: dict[str, str]) -> str:
    return told["one-time"].removeprefix("code secret ").split()[0]


def test_whoever_lost_her_phone_gets_a_new_password_and_secret_and_is_signed_out(worker):
    found, caller = worker
    before = Authenticator.objects.get(user=found.person)
    assert caller.get("/v1/referrals").status_code == 200
    said = member("reset", found.person.username.upper())
    told = dict(line.split(" ", 1) for line in said.splitlines())
    person = Person.objects.get(id=found.person_id)
    assert person.check_password(told["password"])
    now = Authenticator.objects.get(user=person)  # one, and another
    assert now.id != before.id
    assert now.wrap().validate_code(one_time_code(secret_of(told)))
    assert caller.get("/v1/referrals").status_code == 401


def test_roles_change_and_those_that_are_taken_end_at_once(worker, agency):
    found, caller = worker
    name = found.person.username
    told = member("roles", name, "--agency", agency, "--role", "agency_admin")
    assert told == f"member {found.id}: agency_admin\n"
    left = credentials.resolve_credential(caller.secret)
    assert left is not None
    assert left.roles == frozenset(), "the new one from her next sign-in"
    with pytest.raises(CommandError, match="excludes"):
        member("roles", name, "--agency", agency, "--role", "auditor", "--role", "lead")
    with pytest.raises(CommandError, match="no member of this agency"):
        member("roles", name, "--agency", str(agency_id("ywca")), "--role", "lead")


@pytest.mark.parametrize("everywhere", [True, False])
def test_whoever_leaves_is_out_at_once_and_may_return(worker, agency, everywhere):
    found, caller = worker
    words = (found.person.username, *([] if everywhere else ["--agency", agency]))
    member("end", *words)
    assert caller.get("/v1/referrals").status_code == 401
    assert "(ended)" in member("show", found.person.username)
    member("return", *words)
    assert caller.get("/v1/referrals").status_code == 401, "what ended stays ended"
    again = Membership.objects.using("door").get(id=found.id)
    secret = credentials.open_for_member(again)
    assert Caller("new", secret).get("/v1/referrals").status_code == 200


def test_what_the_operator_changes_of_rights_is_in_the_log(worker, agency, superuser, tmp_path):
    found, _ = worker
    name = found.person.username
    member("roles", name, "--agency", agency, "--role", "lead", "--role", "directory_editor")
    member("reset", name)
    member("end", name, "--agency", agency)
    member("return", name)
    set_agency(agency, "--retention-days", "30")
    call_command("set_clocks", agency, "--emergency=60,120,120,600", stdout=StringIO())
    words = ("--agency", agency, "--client-id", f"new-{uuid4()}", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))
    client = add("client", *words, "--system-of-record")["client"]
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, member_id, k.client_id, fields FROM access_entry e"
            " LEFT JOIN permissions_client k ON k.id = e.client_id"
            " WHERE e.agency_id = %s AND act NOT LIKE 'referral.%%' ORDER BY e.id",
            [agency],
        )
        assert cursor.fetchall() == [
            ("agency.add", None, None, ["social_service", "ferpa"]),
            ("member.add", found.id, None, ["worker"]),
            ("member.change_roles", found.id, None, ["directory_editor", "lead"]),
            *((f"member.{act}", found.id, None, None) for act in ("reset", "end", "return")),
            ("agency.change", None, None, ["retention_days"]),
            ("agency.change", None, None, ["durations"]),
            ("client.add", None, client, ["referrals:read", "system_of_record"]),
        ]
        cursor.execute("SET ROLE jobs")
        with pytest.raises(InsufficientPrivilege):
            cursor.execute(
                "SELECT sec.log_rights(%s, 'referral.open_packet', %s, NULL, NULL, NULL, NULL)",
                [str(uuid4()), agency],
            )


def test_a_new_key_of_the_seals_is_in_the_log_of_the_network(superuser):
    question = "SELECT count(*) FROM access_entry WHERE act = 'seal.rotate' AND agency_id IS NULL"
    with superuser.cursor() as cursor:
        cursor.execute(question)
        (before,) = cursor.fetchone()
        call_command("seals", "rotate", stdout=StringIO())
        with the_log_is_full(), pytest.raises(CommandError, match="cannot be written"):
            call_command("seals", "rotate", stdout=StringIO())
        cursor.execute(question)
        assert cursor.fetchone() == (before + 1,)


def test_whoever_takes_the_whole_log_away_is_in_it_and_is_told_how_far_it_is(
    superuser, monkeypatch
):
    question = (
        "SELECT count(*) FROM access_entry WHERE act = 'access_log.export' AND agency_id IS NULL"
    )
    monkeypatch.setattr(verifier, "PROGRESS_EVERY", 1)
    call_command("seals", "export", stdout=StringIO(), stderr=StringIO())  # an entry, at least
    while sealer.step() or sealer.count_unsealed():
        pass
    with superuser.cursor() as cursor:
        cursor.execute(question)
        (before,) = cursor.fetchone()
        out, progress = StringIO(), StringIO()
        call_command("seals", "export", stdout=out, stderr=progress)
        lines = out.getvalue().splitlines()
        assert progress.getvalue().splitlines()[-1] == f"{len(lines):,} lines"
        out = StringIO()
        with the_log_is_full(), pytest.raises(CommandError, match="cannot be written"):
            call_command("seals", "export", stdout=out)
        assert out.getvalue() == ""
        cursor.execute(question)
        assert cursor.fetchone() == (before + 1,)


def test_what_cannot_be_logged_is_not_done_and_the_operator_is_told(worker, agency, superuser):
    found, _ = worker
    organization = str(Organization.objects.using("jobs").values_list("id", flat=True)[0])
    system = Client.objects.get(client_id="demo-police").client_id
    before = everything_stored(superuser)
    with the_log_is_full():
        for command in (
            ("add", "agency", "--name", f"New {uuid4()}", "--kind", "legal"),
            ("member", "roles", found.person.username, "--agency", agency, "--role", "lead"),
            ("member", "reset", found.person.username),
            ("client", "end", system),
            ("set_agency", agency, "--active", "no"),
            ("set_clocks", agency, "--emergency=60,120,120,600"),
            ("directory_editors", organization, "--add", agency),
            ("bind_organization", organization, agency),
        ):
            with pytest.raises(CommandError, match="log cannot be written"):
                call_command(*command, stdout=StringIO())
    assert everything_stored(superuser) == before


def client(*words: str) -> str:
    out = StringIO()
    call_command("client", *words, stdout=out)
    return out.getvalue()


def logged(superuser: Any, system: Client) -> Any:
    """What was done to a partner system, in its order."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(act ORDER BY id) FROM access_entry"
            " WHERE client_id = %s AND act LIKE 'client.%%'",
            [str(system.id)],
        )
        return cursor.fetchone()[0]


def test_a_partner_system_changes_its_keys_ends_and_returns(agency, tmp_path, superuser):
    path, name = tmp_path / "keys.json", f"new-{uuid4()}"
    old, new = (jwk_of(kty="EC", crv="P-256") for _ in range(2))

    def keys_are(*keys: dict[str, Any]) -> None:
        path.write_text(json.dumps({"keys": keys}))

    keys_are(old)
    words = ("--agency", agency, "--client-id", name, "--name", "New client")
    add("client", *words, "--scope", "referrals:read", "--keys", str(path))
    kept = Client.objects.get(client_id=name)
    secret = f"an-invented-token-of-{name}"
    credentials.open_for_client(kept, secret, kept.scopes)
    for keys in ((old, new), (new,)):
        keys_are(*keys)
        assert client("keys", name, "--keys", str(path)) == f"client {name}: {len(keys)} keys\n"
        assert Client.objects.get(client_id=name).public_keys == {"keys": list(keys)}
    keys_are(jwk_of(kty="EC", crv="P-384"))
    with pytest.raises(CommandError, match="P-256 or Ed25519"):
        client("keys", name, "--keys", str(path))
    path.write_text("{")
    with pytest.raises(CommandError, match="cannot be read as JSON"):
        client("keys", name, "--keys", str(path))
    assert Client.objects.get(client_id=name).public_keys == {"keys": [new]}
    assert Caller("new", secret).get("/v1/referrals").status_code == 200
    client("end", name)
    assert "(ended)" in client("show", "--agency", agency)
    assert Caller("new", secret).get("/v1/referrals").status_code == 401
    client("return", name)
    assert Caller("new", secret).get("/v1/referrals").status_code == 401, "what ended stays ended"
    said = client("show", name)
    assert "(ended)" not in said
    assert f"key {jwk.JWK(**new).thumbprint()}  EC" in said
    changes = ["client.change_keys"] * 2
    assert logged(superuser, kept) == ["client.add", *changes, "client.end", "client.return"]
    for words in ((), (name, "--agency", agency)):
        with pytest.raises(CommandError, match="Name a client, or an agency"):
            client("show", *words)
    for what in ("show", "end", "return"):
        with pytest.raises(CommandError, match="no client of this id"):
            client(what, "nobody-here")


def test_a_partner_system_is_held_to_its_networks_and_its_budget(agency, tmp_path, superuser):
    path, name = tmp_path / "keys.json", f"new-{uuid4()}"
    path.write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))
    words = ("--agency", agency, "--client-id", name, "--name", "New client", "--keys", str(path))
    words += ("--scope", "referrals:read")
    with pytest.raises(CommandError, match="is no network"):
        add("client", *words, "--network", "203.0.113.7/24")
    assert not Client.objects.filter(client_id=name).exists()
    add("client", *words, "--network", "203.0.113.0/24", "--network", "198.51.100.7")
    assert "  comes from 198.51.100.7/32, 203.0.113.0/24\n" in client("show", name)
    kept = Client.objects.get(client_id=name)
    secret = f"an-invented-token-of-{name}"
    credentials.open_for_client(kept, secret, kept.scopes)
    assert Caller("new", secret).get("/v1/referrals").status_code == 403
    said = client("networks", name, "--network", "127.0.0.1", "--network", "127.0.0.1/32")
    assert said == f"client {name}: comes from 127.0.0.1/32\n"
    assert Caller("new", secret).get("/v1/referrals").status_code == 200
    client("networks", name, "--network", "2001:db8:1::/48")
    assert Caller("new", secret).get("/v1/referrals").status_code == 403
    for wrong, says in (
        (("--network", "0.0.0.0/0"), "too wide"),
        (("--network", "::/0"), "too wide"),
        (("--network", "::ffff:203.0.113.0/120"), "IPv4 as such"),
        (("--network", "example.org"), "is no network"),
        (("--network", "203.0.113.0/24\n"), "is no network"),
        (tuple(f"--network=10.0.{n}.0/24" for n in range(51)), "50 networks at most"),
    ):
        with pytest.raises(CommandError, match=says):
            client("networks", name, *wrong)
    for neither_or_both in ((), ("--anywhere", "--network", "203.0.113.0/24")):
        with pytest.raises(CommandError, match=r"required|not allowed"):
            client("networks", name, *neither_or_both)
    assert Client.objects.get(client_id=name).networks == ["2001:db8:1::/48"]
    assert client("budget", name, "7") == f"client {name}: opens 7 referrals' packets a day\n"
    assert "  opens 7 referrals' packets a day at most\n" in client("show", name)
    for wrong in ("0", "-1", "100001"):
        with pytest.raises(CommandError, match="1 to 100000"):
            client("budget", name, wrong)
    assert Client.objects.get(client_id=name).openings_a_day == 7
    assert client("networks", name, "--anywhere") == f"client {name}: comes from anywhere\n"
    assert Caller("new", secret).get("/v1/referrals").status_code == 200
    moves = ["client.change_networks"] * 2 + ["client.change_budget", "client.change_networks"]
    assert logged(superuser, kept) == ["client.add", *moves]


def test_show_names_her_agencies_or_an_agencys_people(worker, agency):
    found, _ = worker
    for words in ((found.person.username,), ("--agency", agency)):
        said = member("show", *words)
        assert f"{found.person.username}  New Example  worker  member {found.id}" in said
        assert "(ended)" not in said
    for words in ((), (found.person.username, "--agency", agency)):
        with pytest.raises(CommandError, match="Name a member, or an agency"):
            member("show", *words)
    for what in ("show", "reset", "end"):
        with pytest.raises(CommandError, match="Nobody signs in by this name"):
            member(what, "nobody.at.all")


def test_a_client_that_reads_the_log_does_nothing_else(agency, tmp_path, superuser):
    """As the role auditor excludes the others; a witness says where checkpoints are sent to."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))

    def added(*scopes: str) -> str:
        name = f"audits-{uuid4()}"
        words = ["--agency", agency, "--client-id", name, "--name", "Audits", "--keys", str(keys)]
        add("client", *words, *(f"--scope={scope}" for scope in scopes))
        return name

    for scopes in (("audit:read",), ("audit:read", "webhooks:write")):
        assert Client.objects.get(client_id=added(*scopes)).scopes == sorted(scopes)
    for beside in sorted(set(SCOPES) - {"audit:read", "webhooks:write"}):
        with pytest.raises(CommandError, match="audit:read excludes every other scope"):
            added("audit:read", beside)
    assert Client.objects.filter(agency_id=agency).count() == 2
    with superuser.cursor() as cursor, pytest.raises(CheckViolation):
        cursor.execute(
            "UPDATE permissions_client SET scopes = '{audit:read,packets:read}'"
            " WHERE agency_id = %s",
            [agency],
        )


def test_a_client_brings_its_public_key_only(agency, tmp_path):
    pair = jwk.JWK.generate(kty="EC", crv="P-256", kid="k1")
    words = ("--agency", agency, "--client-id", "new-client", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    private = {"keys": [pair.export_private(as_dict=True)]}
    (tmp_path / "keys.json").write_text(json.dumps(private))
    with pytest.raises(CommandError, match="private key"):
        add("client", *words)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [pair.export_public(as_dict=True)]}))
    assert add("client", *words)["client"] == "new-client"
    with pytest.raises(CommandError, match="already"):
        add("client", *words)


def jwk_of(**how: Any) -> Any:
    return jwk.JWK.generate(**how).export_public(as_dict=True)


def rsa(bits: int) -> Any:
    return jwk_of(kty="RSA", size=bits)


@pytest.mark.parametrize(
    "make",
    [
        *(lambda: rsa(2048), lambda: jwk_of(kty="EC", crv="P-256")),
        lambda: jwk_of(kty="OKP", crv="Ed25519"),
    ],
)
def test_a_key_that_signs_tokens_is_taken(agency, tmp_path, make):
    words = ("--agency", agency, "--client-id", f"new-{uuid4()}", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key := make()]}))
    told = add("client", *words)
    assert Client.objects.get(client_id=told["client"]).public_keys == {"keys": [key]}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        *((one, "is a JWK set") for one in (1, "x", None, [])),
        *(({}, "RSA of at least 2048 bits"), ({"kty": "EC"}, "P-256 or Ed25519")),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "P-256 or Ed25519"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "RSA of at least 2048 bits"),
        (lambda: rsa(1024), "RSA of at least 2048 bits"),
        (lambda: jwk_of(kty="EC", crv="P-384"), "P-256 or Ed25519"),
        (lambda: jwk_of(kty="OKP", crv="X25519"), "P-256 or Ed25519"),
        (lambda: jwk_of(kty="EC", crv="P-256", use="enc"), "Each key is for signatures"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "private key"),
    ],
)
def test_a_key_that_is_none_or_weak_is_refused(agency, tmp_path, key, says):
    words = ("--agency", agency, "--client-id", "new-weak", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    given = key() if callable(key) else key
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [given]}))
    with pytest.raises(CommandError, match=says):
        add("client", *words)
    assert not Client.objects.filter(client_id="new-weak").exists()


@pytest.mark.parametrize(
    ("client_id", "says"), [("c" * 256, "has 255 characters"), ("c\x00", "plain text")]
)
def test_a_client_id_that_cannot_be_kept_is_refused(agency, tmp_path, client_id, says):
    words = ("--agency", agency, "--client-id", client_id, "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))
    with pytest.raises(CommandError, match=says):
        add("client", *words)


def test_wrong_words_are_named():
    words = ("--name", "Nowhere", "--kind", "legal", "--time-zone", "Mars/Olympus")
    with pytest.raises(CommandError, match="America/Denver"):
        add("agency", *words)
