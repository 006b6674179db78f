"""What an operator changes of rights is in the access log, or it is not done."""

import json
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from psycopg2.errors import InsufficientPrivilege

from directory.models import Organization
from permissions.ledger import sealer, verifier
from permissions.models import Client
from tests.identity.operators import add, jwk_of, member, set_agency
from tests.identity.operators import agency as agency  # a fixture
from tests.identity.operators import worker as worker  # a fixture
from tests.support.people.access_log import everything_stored, the_log_is_full


def test_what_the_operator_changes_of_rights_is_in_the_log(worker, agency, superuser, tmp_path):
    found, _ = worker
    name = found.person.username
    member("roles", name, "--agency", agency, "--role", "lead")
    member("end", name, "--agency", agency)
    set_agency(agency, "--retention-days", "30")
    call_command("deadlines", "set", agency, "--emergency=60,120,120,600", stdout=StringIO())
    words = ("--agency", agency, "--client-id", f"new-{uuid4()}", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))
    client = add("client", *words, "--system-of-record")["client"]
    call_command("client", "end", client, stdout=StringIO())
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, member_id, k.client_id, fields FROM access_entry e"
            " LEFT JOIN permissions_client k ON k.id = e.client_id"
            " WHERE e.agency_id = %s AND act NOT LIKE 'referral.%%' ORDER BY e.id",
            [agency],
        )
        assert cursor.fetchall() == [
            ("agency.add", None, None, ["social_service", "ferpa"]),
            ("member.change_roles", found.id, None, ["lead"]),
            ("member.end", found.id, None, None),
            ("agency.change", None, None, ["retention_days"]),
            ("agency.change", None, None, ["durations"]),
            ("client.end", None, client, None),
        ]
        cursor.execute("SET ROLE jobs")
        with pytest.raises(InsufficientPrivilege):
            cursor.execute(
                "SELECT sec.log_operator_change(%s, 'referral.open_packet', %s, NULL, NULL, NULL,"
                " NULL)",
                [str(uuid4()), agency],
            )


def test_a_new_key_of_the_seals_is_in_the_log_of_the_network(superuser):
    question = "SELECT count(*) FROM access_entry WHERE act = 'seal.rotate' AND agency_id IS NULL"
    with superuser.cursor() as cursor:
        cursor.execute(question)
        (before,) = cursor.fetchone()
        call_command("ledger", "rotate", stdout=StringIO())
        with the_log_is_full(), pytest.raises(CommandError, match="cannot be written"):
            call_command("ledger", "rotate", stdout=StringIO())
        cursor.execute(question)
        assert cursor.fetchone() == (before + 1,)


def test_whoever_takes_the_whole_log_away_is_in_it_and_is_told_how_far_it_is(
    superuser, monkeypatch
):
    question = (
        "SELECT count(*) FROM access_entry WHERE act = 'access_log.export' AND agency_id IS NULL"
    )
    monkeypatch.setattr(verifier, "PROGRESS_EVERY", 1)
    call_command("ledger", "export", stdout=StringIO(), stderr=StringIO())  # an entry, at least
    while sealer.step() or sealer.count_unsealed():
        pass
    with superuser.cursor() as cursor:
        cursor.execute(question)
        (before,) = cursor.fetchone()
        out, progress = StringIO(), StringIO()
        call_command("ledger", "export", stdout=out, stderr=progress)
        lines = out.getvalue().splitlines()
        assert progress.getvalue().splitlines()[-1] == f"{len(lines):,} lines"
        out = StringIO()
        with the_log_is_full(), pytest.raises(CommandError, match="cannot be written"):
            call_command("ledger", "export", stdout=out)
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
            ("agency", "add", "--name", f"New {uuid4()}", "--kind", "legal"),
            ("member", "roles", found.person.username, "--agency", agency, "--role", "lead"),
            ("member", "end", found.person.username),
            ("client", "end", system),
            ("agency", "set", agency, "--active", "no"),
            ("deadlines", "set", agency, "--emergency=60,120,120,600"),
            ("directory", "editors", organization, "--add", agency),
            ("directory", "bind", organization, agency),
        ):
            with pytest.raises(CommandError, match="log cannot be written"):
                call_command(*command, stdout=StringIO())
    assert everything_stored(superuser) == before
