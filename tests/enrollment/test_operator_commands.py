"""No command makes the operator anyone: every one that there is, run or with its reason.

A new command, or a new verb of one, is red here until it is classified.
"""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import ProgrammingError

from permissions.models import Membership
from tests.desk.own_people import Own
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.identity.operators import LEAVES, add
from tests.support.ground.commands import our_commands, verbs_of
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.own_systems import added, pair
from tests.support.people.own_systems import as_before as as_before  # a fixture
from tests.support.people.shared_packet import sealed as sealed  # a fixture
from tests.support.people.stories import PACKET, Story

# Run below, with these words. {…}: what the test made.
RUN: dict[str, str] = {
    "agency add": "--name {new} --kind legal",
    "agency show": "{ywca}",
    "agency terms": "",
    "agency set": "{agency} --retention-days 31",
    "agency confirm": "{agency}",
    "deadlines show": "{agency}",
    "deadlines set": "{agency} --urgent 30,60,240,480",
    "member show": "--agency {ywca}",
    "member roles": "{person} --agency {ywca} --role worker",
    "member end": "{person}",
    "client show": "{system}",
    "client quota": "{system} 9",
    "client end": "{system}",
    "directory export": "{folder}",
    "directory quarantine": "--source nowhere",
    "directory reviews": "",
    "directory editors": "{organization}",
    "directory bind": "{organization} --none",
    "messages status": "",
    "numbers check": "",
    "messages retry": "",
    "keys status": "",
    "journal status": "",
    "ledger status": "",
    "ledger keys": "",
    "ledger verify": "",
    "ledger export": "",
    "worker purge": "--dry-run",
    "worker status": "",
    "who_sees_what": "",
    "code": "ywca.worker",
}
# Not run, each with the reason why it makes no one anyone. Tests of its own are named.
OURS = {
    "agency invite": "sends a link to another person: tests/enrollment/test_first_administrator.py",
    "directory import": "public entries: tests/importing",
    "directory import-postcodes": "a public table",
    "directory import-taxonomy": "a public table",
    "directory crosswalk": "a public table: what terms of a source mean",
    "directory licensed-terms": "withholds public words, and shows none that were withheld before",
    "directory load-taxonomy": "a public table",
    "directory generate": "invented public entries",
    "directory refresh": "computes what is public",
    "migrate": "the schema, whose fingerprint readiness compares: tests/database",
    "schema": "compares the schema",
    "worker run": "the background work, which opens nothing: tests/worker",
    "journal begin": "writes what was taken away: tests/recovery",
    "backup drill": "reads a copy of keys and database, and shows counts: tests/backup",
    "backup record": "reads a repository of backups, and records times: tests/slow",
    "backup status": "shows times; exit status 1 without backups: tests/backup",
    "keys adopt": "says which folder of keys counts: tests/keys/test_key_folder.py",
    "keys hosts": "lists servers by codes: tests/keys/test_key_folder.py",
    "keys copy": "copies keys to keys: tests/keys",
    "keys rebind": "everyone signs in again, and confirms again: tests/identity/test_bound_rows.py",
    "keys rotate": "rewraps keys and shows none: tests/keys",
    "keys destroy": "destroys keys: tests/keys",
    "database recover": "ends sign-ins and closes: tests/recovery",
    "ledger rotate": "a new key of the seals: tests/identity/test_provisioning_log.py",
    "ledger retire": "archives a month of the log: tests/seals",
    "run": "the demo on this machine",
    "stop": "the demo on this machine",
    "walkthrough": "the demo's own people, over HTTP",
    "prepare": "loads the demo where the server is on the loopback address alone",
    "setup": "writes the settings of a new server: tests/deploy/test_setup.py",
    "drill run": "as members of no agency: tests/drill",
    "drill make": "as members of no agency: tests/drill",
    "drill open": "opens the drill's own packet, and no other: tests/drill",
    "database start": "PostgreSQL of this machine",
    "database stop": "PostgreSQL of this machine",
    "database status": "PostgreSQL of this machine",
    "database url": "a role of the database: tests/enrollment/test_operator_sql.py",
    "database erase": "destroys everything",
    "openapi": "writes a file of the source",
    "translations": "writes a file of the source",
}
# Django's and its libraries', with all that they could do here.
REFUSED = {  # run below: they would make or change a person or a system, and cannot
    "changepassword": "{person}",
    "createsuperuser": "--noinput --username new.root",
    "createapplication": "confidential client-credentials --name x --client-id new-x",
}
AS_SQL = {  # write or read rows as a role of the database: tests/enrollment/test_operator_sql.py
    *("dbshell", "dumpdata", "flush", "loaddata", "inspectdb", "sqlflush", "sqlmigrate"),
    *("sqlsequencereset", "showmigrations", "createcachetable", "remove_stale_contenttypes"),
    *("clearsessions", "cleartokens", "clearcimdapplications", "clean_orphan_obj_perms"),
    *("account_unsetmultipleprimaryemails", "optimizemigration", "squashmigrations"),
}
HOST = {  # runs whatever code one likes, with the keys: what no program prevents (SECURITY.md)
    *("shell", "diffsettings", "test", "testserver", "runserver"),
}
FILES = {  # of the source, or pages
    *("check", "collectstatic", "findstatic", "compilemessages", "makemessages", "startapp"),
    *("startproject", "makemigrations", "sendtestemail", "spectacular", "generateschema"),
}

LETS_IN = ("permissions_person", "permissions_membership", "credential", "mfa_authenticator")
LETS_IN += ("permissions_invitation", "permissions_client", "django_session", "row_mac")
LETS_IN += ("permissions_sealedmessage",)
SECRET = re.compile(r"/join/|otpauth|argon2|pbkdf2|PRIVATE KEY|\"d\":")


def ways_in(superuser: Any) -> dict[str, int]:
    return {table: rows(superuser, f"SELECT count(*) FROM {table}")[0][0] for table in LETS_IN}


@pytest.mark.static
def test_every_command_is_classified() -> None:
    ours = {f"{name} {verb}".strip() for name in our_commands() for verb in verbs_of(name)}
    assert not set(RUN) & set(OURS)
    assert set(RUN) | set(OURS) == ours
    others = set(get_commands()) - set(our_commands())
    kinds = (set(REFUSED), AS_SQL, HOST, FILES)
    assert set().union(*kinds) == others
    assert sum(map(len, kinds)) == len(others), "one is there twice"


@pytest.fixture
def made(own: Own, as_before: None, superuser: Any, tmp_path: Any) -> Iterator[dict[str, str]]:
    """A member, a system and an agency that a command may change."""
    agency = add("agency", "--name", f"New {uuid4()}", "--kind", "legal")["agency"]
    new = f"New {uuid4()}"
    ((organization,),) = rows(
        superuser,
        "SELECT o.id::text FROM directory_organization o WHERE NOT EXISTS (SELECT FROM"
        " directory_service s WHERE s.organization_id = o.id AND s.answered_by_id IS NOT NULL)"
        " LIMIT 1",
    )
    yield {
        "ywca": str(agency_id("ywca")),
        "agency": agency,
        "new": new,
        "person": own["username"],
        "system": added(at_the_desk("ywca.admin"), pair()).client_id,
        "organization": organization,
        "folder": str(tmp_path / "export"),
    }
    ids = rows(superuser, "SELECT id::text FROM permissions_agency WHERE name = %s", [new])
    with superuser.cursor() as cursor:
        for one in [agency, *(id_ for (id_,) in ids)]:
            cursor.execute(LEAVES, {"agency": one})
    superuser.commit()


def words_of(command: str, text: str, made: dict[str, str]) -> list[str]:
    words = [*command.split(), *text.split()]
    return [word.format(**made) for word in words]


@pytest.mark.parametrize("command", RUN)
def test_a_command_makes_no_way_in_and_shows_none(
    made: dict[str, str], sealed: Story, superuser: Any, command: str
) -> None:
    before, opened = ways_in(superuser), openings(superuser)
    out, err = StringIO(), StringIO()
    says_why = {"code": "no demo network here"}.get(command)
    words = words_of(command, RUN[command], made)
    with pytest.raises(CommandError, match=says_why) if says_why else nullcontext():
        try:
            call_command(*words, stdout=out, stderr=err)
        except CommandError as error:  # a status ends so where it shows trouble
            if not command.endswith(" status"):
                raise
            err.write(str(error))
    after = ways_in(superuser)
    assert all(after[table] <= before[table] for table in LETS_IN), command
    assert openings(superuser) == opened, "it opens no packet"
    said = out.getvalue() + err.getvalue()
    assert not SECRET.search(said), said
    assert not [one for one in PACKET.values() if one in said], "no text of a packet"


def openings(superuser: Any) -> int:
    ((number,),) = rows(
        superuser, "SELECT count(*) FROM access_entry WHERE act LIKE 'referral.open%%'"
    )
    return int(number)


@pytest.mark.parametrize("command", REFUSED)
def test_djangos_own_commands_make_no_person_and_no_system(
    made: dict[str, str], superuser: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """For any of the roles whose addresses a server has."""
    monkeypatch.setattr("getpass.getpass", lambda prompt="": "a long enough phrase")
    before, password = ways_in(superuser), passwords(superuser)
    for alias in ("default", "signin", "jobs", "editor", "auditor"):
        words = words_of(command, REFUSED[command], made)
        if command != "createapplication":
            words += ["--database", alias]
        out = StringIO()
        try:
            call_command(*words, stdout=out, stderr=out)
        except (ProgrammingError, CommandError):
            continue
        assert "correct the following errors" in out.getvalue(), (alias, out.getvalue())
    assert ways_in(superuser) == before
    assert passwords(superuser) == password


def passwords(superuser: Any) -> list[Any]:
    return rows(superuser, "SELECT id, password FROM permissions_person ORDER BY id")


def test_the_operators_acts_leave_the_members_as_they_were(made: dict[str, str]) -> None:
    """The command that shows an agency's people shows a name, roles and ids alone."""
    out = StringIO()
    call_command("member", "show", "--agency", made["ywca"], stdout=out)
    member = Membership.objects.using("signin").get(id=member_id("ywca.worker"))
    assert member.name in out.getvalue()
    assert "@" not in out.getvalue(), "no address of a contact"
