"""The house's own rules, read from the source: floors, closed vocabularies, what is never written.

And what refuses to start: unsafe settings, unsafe roles.
"""

import ast
import importlib.util
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from permissions.database import checks
from permissions.models.access_log import OPENINGS
from referrals.act_registry.registry import MOVES, RULES
from referrals.codes import PURPOSE
from referrals.packet_fields import PACKET_FIELDS
from tests.conftest import LONGEST
from tests.support.repository import REPOSITORY, sources

FLOORS = ("permissions", "directory", "referrals", "api")
HOUSE = {*FLOORS, "openapi", "tests", "deploy", "docs"}
PAPERS = {
    *("manage.py", "pyproject.toml", "Makefile", "LICENSE", ".gitignore", ".ci"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *(".editorconfig", ".github", ".pre-commit-config.yaml"),
    *("requirements.lock", "requirements-dev.lock"),
}

# A file over 300 lines is asked why. Growing past its number is asked again.
LONG = {
    "api/v1/directory/parameters.py": (310, "every parameter of the directory's lists"),
    "directory/editing/edit.py": (310, "an edit from its draft to what is rendered"),
    "directory/search/retrieval.py": (320, "every reader of the directory, one after the other"),
    "permissions/audit/writer.py": (320, "an entry of the log, and what it needs to be written"),
    "permissions/ledger/verifier.py": (310, "one file that is run without the rest"),
    "referrals/accounting.py": (310, "the accounting, from the log's lines to its text"),
    "referrals/acts/assignment.py": (310, "every act that assigns, with its entry"),
    "referrals/webhooks/endpoints.py": (310, "an endpoint, from its name to its end"),
    "api/desk/directory/own_entries.py": (
        310,
        "an agency's own entries: each page after the other",
    ),
    "api/desk/problem_texts.py": (410, "every refusal explained, one below the other"),
    "api/desk/labels.py": (450, "what the desk says, in one place"),
    "api/settings.py": (530, "one file from the environment, as the house says"),
    "api/v1/referrals/referrals.py": (460, "one file a resource: its shapes, then its endpoints"),
    "api/dev/walkthrough.py": (420, "one story, read from top to bottom"),
    "directory/hsds/schema.py": (400, "every table of the standard, column by column"),
    "directory/fake_data.py": (440, "word lists, one word a line, and what is made of them"),
    "directory/search/sql_statements.py": (330, "one statement a page, part by part"),
    "directory/importing/import_package.py": (380, "one import, from its first line to its last"),
    "directory/importing/parsing.py": (340, "one row, column by column and link by link"),
    "directory/importing/staging.py": (530, "the SQL of one temporary file, in one place"),
    "directory/importing/json_normalizer.py": (490, "other names and shapes, one beside the other"),
    "permissions/keys/keystore.py": (340, "what a key store promises, and the one that is files"),
    "permissions/reference/write_rules.py": (360, "what may be written, one table below the other"),
    "permissions/reference/world.py": (450, "every protected table, one row beside the other"),
    "permissions/audit/queries.py": (345, "what an auditor reads, from its filters to one page"),
    "referrals/codes.py": (460, "every vocabulary, one beside the other"),
    "referrals/notifications/message_queue.py": (
        380,
        "one message, from its claim to who asks what became of it",
    ),
    "referrals/packets/packet.py": (
        365,
        "what is sealed: release, packet, notes; one way to read it",
    ),
    "referrals/deadlines/purge.py": (520, "what is due, side by side, and its end in its order"),
    "referrals/acts/handoff.py": (320, "the hand-off, from the first call to the last attempt"),
}

# Referral rows reached outside `visible_to`, with the reason.
PAST_VISIBLE_TO = {
    (
        "referrals/act_transaction.py",
        "filter",
    ): "the update of a row that was seen and locked just before",
    ("referrals/acts/sender.py", "create"): "an insert sees nothing",
}

pytestmark = pytest.mark.no_database


def committed() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if said.returncode:
        pytest.skip("not a git checkout")
    return [name for name in said.stdout.split() if (REPOSITORY / name).exists()]


def imported(tree: ast.Module) -> Iterator[str]:
    """Top-level packages that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


# -- The floors ------------------------------------------------------------------------------------


def test_the_files_that_come_first_are_there() -> None:
    """Else they come at random, and one worker is left alone with the longest at the end."""
    assert [name for name in LONGEST if not (REPOSITORY / "tests" / name).is_file()] == []


def test_the_house_has_these_rooms_and_no_other() -> None:
    top = {name.split("/")[0] for name in committed()}
    assert top - PAPERS == HOUSE


def test_no_test_file_imports_another() -> None:
    """What several use is in tests/support: a file of tests can be moved, split and removed."""
    wrong = [
        (path, name)
        for path, tree in sources("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (getattr(node, "module", None) or "", *(one.name for one in node.names))
        if re.search(r"\btest_", name)
    ]
    assert wrong == []


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_point_down(floor: str) -> None:
    above = {*FLOORS[FLOORS.index(floor) + 1 :], "tests"}
    wrong = [(name, got) for name, tree in sources(floor) for got in imported(tree) if got in above]
    assert wrong == []


# The log's table: it demands a purpose for an opening, and counts those of a partner system.
KNOW_OPENINGS = {"permissions/models/access_log.py"}


def test_permissions_names_no_act_and_no_packet_field() -> None:
    """Floors by knowledge: those above register their words. The model of the whole database, and
    what anybody has (a name, an address) or is (a legal service), aside."""
    act = re.compile(r"(referral|call_record|agreement|message|webhook|directory|address)\.[a-z_]+")
    known = set(PACKET_FIELDS) - {"name", "address", "email", "phone", "legal"}
    scopes = {"directory.read"}
    wrong = [
        (name, node.value)
        for name, tree in sources("permissions")
        if not name.startswith("permissions/reference/") and name not in KNOW_OPENINGS
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if act.fullmatch(node.value) or node.value in known
        if node.value not in scopes
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", ["openapi", "deploy"])
def test_openapi_and_deploy_import_nothing_of_ours(folder: str) -> None:
    ours = {*FLOORS, "tests"}
    wrong = [(name, got) for name, tree in sources(folder) for got in imported(tree) if got in ours]
    assert wrong == []


def test_only_assignments_calls_guardian() -> None:
    """models elsewhere declare its direct-foreign-key tables, and nothing more (ADR 0018)."""
    allowed = {
        *("permissions/assignments.py", "directory/models/keeping.py"),
        "referrals/models/referrals.py",
    }
    found = {name for name, tree in sources(*FLOORS) if "guardian" in imported(tree)}
    assert found <= allowed


def test_the_domain_knows_no_http() -> None:
    """Status codes and requests belong to `api` alone; models and management commands need none."""
    banned = {"rest_framework", "requests", "drf_spectacular"}
    wrong = [
        (name, got)
        for name, tree in sources("permissions", "directory", "referrals")
        for got in imported(tree)
        if got in banned
    ]
    assert wrong == []


# -- Vocabularies that stand in two places ---------------------------------------------------------


def test_who_may_and_from_where_have_the_same_acts() -> None:
    assert set(RULES) == set(MOVES)


def test_purposes_are_the_words_that_the_database_knows() -> None:
    sql = (REPOSITORY / "referrals/sql/functions/openings.sql").read_text()
    body = re.search(r"FUNCTION sec\.opening\(.*?END \$\$;", sql, re.DOTALL)
    assert body
    listed = re.search(r"e\.purpose IN \(([^)]*)\)", body[0])
    assert listed
    assert tuple(re.findall(r"'(\w+)'", listed[1])) == tuple(PURPOSE)


def test_the_opening_acts_are_the_words_that_the_log_demands_a_purpose_for() -> None:
    words = {f"referral.{act}" for act in RULES if act.startswith("open_")}
    assert set(OPENINGS) == words


# -- What is never written -------------------------------------------------------------------------


def test_no_request_is_spread_into_the_orm() -> None:
    """`filter(**request.GET)` lets a caller ask any column; so does `create(**request.data)`."""
    wrong = []
    for name, tree in sources(*FLOORS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg is None and "request" in ast.unparse(keyword.value):
                        wrong.append((name, node.lineno))
    assert wrong == []


def test_referrals_are_reached_through_visible_to() -> None:
    found = set()
    for name, tree in sources(*FLOORS):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Attribute)
                and ast.unparse(node.value) == "Referral.objects"
                and node.attr != "visible_to"
            ):
                found.add((name, node.attr))
    assert found == set(PAST_VISIBLE_TO)


def test_no_rule_reads_the_clock_of_the_machine() -> None:
    """One clock: sec.clock(). The token endpoint judges its own short-lived assertions (RFC 7523);
    the directory stamps what it renders, and the process log its lines: no rule reads either."""
    allowed = {"api/accounts/oauth.py", "api/logging_config.py", "directory/projection/render.py"}
    reads = re.compile(r"\btimezone\.now\(|\bdatetime\.now\(|\bdatetime\.utcnow\(|\bdate\.today\(")
    found = {
        name
        for name, tree in sources("permissions", "directory", "referrals", "api")
        if reads.search(ast.unparse(tree)) and name != "api/dev/walkthrough.py"
    }
    assert found <= allowed


def test_a_long_file_says_why() -> None:
    grown = {}
    for name in committed():
        if name.startswith(("tests/", "openapi/v1.yaml")) or "/migrations/" in name:
            continue
        if name.endswith((".py", ".sql")):
            lines = len((REPOSITORY / name).read_text().splitlines())
            if lines > LONG.get(name, (300, ""))[0]:
                grown[name] = lines
    assert grown == {}
    assert set(LONG) <= set(committed()), "gone: take it off the table"


def undocumented(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Public functions and methods of more than three lines that say nothing for themselves."""
    theirs = {"handle", "add_arguments", "ready"}  # Django's names; the class or module says what
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            lines = (node.end_lineno or 0) - node.body[0].lineno + 1
            if lines > 3 and node.name not in theirs and not ast.get_docstring(node):
                yield node


def test_public_functions_of_the_domain_say_what_they_do() -> None:
    wrong = [
        (name, node.name)
        for name, tree in sources("permissions", "directory", "referrals")
        for node in undocumented(tree.body)
    ]
    assert wrong == []


def test_every_module_says_what_it_holds() -> None:
    silent = [
        name
        for name, tree in sources(*HOUSE)
        if tree.body and not ast.get_docstring(tree) and not name.endswith("apps.py")
    ]
    assert silent == []


def test_lines_fit() -> None:
    """Those of Python are ruff's to measure."""
    wrong = [
        f"{name}:{number}"
        for name in committed()
        if name.endswith((".sql", ".md", ".conf", ".yaml", ".example", "run", "Makefile"))
        and name != "openapi/v1.yaml"
        for number, line in enumerate((REPOSITORY / name).read_text().splitlines(), 1)
        if len(line) > 100 and not line.startswith(("http", "|"))
    ]
    assert wrong == []


# -- What refuses to start -------------------------------------------------------------------------


def test_psycopg_3_is_not_there() -> None:
    """Django would silently prefer it, and nothing here was proved with it."""
    assert importlib.util.find_spec("psycopg") is None
    assert is_psycopg3 is False


def test_a_psycopg_3_that_is_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert [error.id for error in checks.only_psycopg2()] == ["permissions.E001"]


def started(
    tmp_path: Path, code: str = "import api.settings", **environment: str
) -> subprocess.CompletedProcess[str]:
    """What a process of this environment, and no other of ours, says of its settings."""
    ours = ("CAIRN_", "DATABASE_URL", "PORT")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=env | {"CAIRN_HOME": str(tmp_path)} | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


LINES = '[{"name": "Emergency", "phone": "911", "note": "Police"}]'
BARE_SERVER = {"CAIRN_BASE_URL": "https://cairn.example.org", "CAIRN_SECRET_KEY": "x" * 40}
MAIL = {
    "CAIRN_SMTP": "smtp://mail.example.org",
    "CAIRN_MAIL_FROM": "no-reply@example.org",
    "CAIRN_MAIL_COPY_TO": "copies@example.org",
}
SERVER = BARE_SERVER | {"CAIRN_SAFETY_LINES": LINES}


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"CAIRN_BASE_URL": "http://cairn.example.org"}, "plain http"),
        ({"CAIRN_BASE_URL": "cairn.example.org"}, "CAIRN_BASE_URL must be like"),
        ({"CAIRN_BASE_URL": "https://cairn.example.org"}, "CAIRN_SECRET_KEY is needed"),
        (SERVER | {"CAIRN_SECRET_KEY": "short"}, "CAIRN_SECRET_KEY is needed"),
        ({"CAIRN_SECRET_KEY": "short"}, "CAIRN_SECRET_KEY is needed"),
        (SERVER | {"DATABASE_URL": "mysql://app@db/cairn"}, "DATABASE_URL must be like"),
        (SERVER | {"DATABASE_URL": "postgresql://app@db"}, "DATABASE_URL must be like"),
        ({"CAIRN_SAFETY_LINES": "911"}, "CAIRN_SAFETY_LINES must be JSON"),
        ({"CAIRN_SAFETY_LINES": '[{"name": "Emergency"}]'}, "CAIRN_SAFETY_LINES must be JSON"),
        ({"CAIRN_SAFETY_LINES": "[]"}, "CAIRN_SAFETY_LINES names nobody to ring"),
        ({"CAIRN_SAFETY_LINES": LINES.replace("911", " ")}, "a line without a phone"),
        (BARE_SERVER, "CAIRN_SAFETY_LINES is needed"),
        (BARE_SERVER | {"CAIRN_SAFETY_LINES": ""}, "CAIRN_SAFETY_LINES is needed"),
        (SERVER | {"CAIRN_SAFETY_LINES": LINES.replace("911", "(406) 555-0100")}, "555-01xx"),
        (SERVER | {"CAIRN_SAFETY_LINES": LINES.replace("911", "+14065550199")}, "555-01xx"),
        ({"PORT": "http"}, "PORT must be a whole number"),
        (SERVER | {"CAIRN_WEBHOOK_LOOPBACK": "127.0.0.1:9000"}, "CAIRN_WEBHOOK_LOOPBACK is for"),
        ({"CAIRN_SMTP": "mail.example.org"}, "CAIRN_SMTP must be like"),
        ({"CAIRN_SMTP": "smtp+plain://mail.example.org"}, "a relay on this machine only"),
        ({"CAIRN_SMTP": "smtp://mail.example.org"}, "CAIRN_SMTP needs CAIRN_MAIL_FROM"),
        ({"CAIRN_MAIL_COPIES": "imap://c@mail.example.org"}, "CAIRN_MAIL_COPIES must be like"),
        ({"CAIRN_MAIL_COPIES": "imaps://mail.example.org"}, "CAIRN_MAIL_COPIES must be like"),
        ({"CAIRN_MAIL_COPIES": "imap+plain://c@mail.example.org"}, "for this machine only"),
        ({"CAIRN_MAIL_COPIES": "imaps://c@mail.example.org"}, "CAIRN_MAIL_COPY_TO and CAIRN_SMTP"),
        ({"CAIRN_TWILIO_ACCOUNT": "AC"}, "needs CAIRN_TWILIO_FROM and CAIRN_TWILIO_TOKEN_FILE"),
        (
            {"CAIRN_TWILIO_ACCOUNT": "AC", "CAIRN_TWILIO_BASE": "https://elsewhere.example.org"},
            "a stand-in on this machine only",
        ),
        ({"CAIRN_LOG_YEARS": "0"}, "CAIRN_LOG_YEARS is 6 or more"),
        ({"CAIRN_LOG_YEARS": "5"}, "CAIRN_LOG_YEARS is 6 or more"),
        ({"CAIRN_PROXIES": "-1"}, "CAIRN_PROXIES must be a whole number"),
        ({"PORT": "²"}, "PORT must be a whole number"),
        ({"PORT": "9" * 5000}, "PORT must be a whole number"),
        ({"PORT": "99999"}, "PORT must be a whole number, 65535 at most"),
        ({"CAIRN_BASE_URL": "http://127.0.0.1:99999"}, "CAIRN_BASE_URL must be like"),
        ({"CAIRN_BASE_URL": "http://[::1"}, "CAIRN_BASE_URL must be like"),
        ({"DATABASE_URL": "postgresql://app@db:port/cairn"}, "DATABASE_URL must be like"),
        ({"DATABASE_URL_JOBS": "postgresql://jobs@db:1e3/cairn"}, "DATABASE_URL_JOBS must be like"),
        (MAIL | {"CAIRN_SMTP": "smtp://mail.example.org:post"}, "CAIRN_SMTP must be like"),
        (
            MAIL | {"CAIRN_MAIL_COPIES": "imaps://c@mail.example.org:99999"},
            "CAIRN_MAIL_COPIES must be like",
        ),
        (
            {"CAIRN_TWILIO_ACCOUNT": "AC", "CAIRN_TWILIO_BASE": "http://[::1"},
            "CAIRN_TWILIO_BASE must be like",
        ),
        ({"CAIRN_LOG_LEVEL": "loud"}, "CAIRN_LOG_LEVEL must be one of DEBUG, INFO"),
    ],
)
def test_unsafe_settings_refuse_to_start_in_words(
    tmp_path: Path, environment: dict[str, str], says: str
) -> None:
    said = started(tmp_path, **environment)
    assert said.returncode != 0
    last = said.stderr.strip().splitlines()[-1]
    assert ImproperlyConfigured.__name__ in last
    assert says in last


def test_safe_settings_start(tmp_path: Path) -> None:
    assert started(tmp_path).returncode == 0
    said = started(tmp_path, "import api.wsgi", CAIRN_LOG_LEVEL="info")
    assert said.returncode == 0, said.stderr
    invented = LINES.replace("911", "406-555-0100")
    assert started(tmp_path, CAIRN_SAFETY_LINES=invented).returncode == 0, "the demo's own"
    said = started(tmp_path, **SERVER, DATABASE_URL="postgresql://app:p%2Fw@db/cairn")
    assert said.returncode == 0, said.stderr


def test_the_secret_key_of_the_demo_is_its_owners_alone(tmp_path: Path) -> None:
    assert started(tmp_path).returncode == 0
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


# -- Deploy mistakes that only a database can show -------------------------------------------------


@pytest.fixture
def careless(
    superuser: psycopg2.extensions.connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """`careless("SUPERUSER")`: the connection `default` logs in as a role with that attribute."""
    role, password = f"careless_{os.getpid()}", secrets.token_urlsafe()
    ours = connections["default"].settings_dict

    def log_in(attribute: str) -> None:
        with superuser.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {role} LOGIN {attribute} PASSWORD %s", [password])
            cursor.execute(f"GRANT app TO {role}")
        connections["default"].close()
        monkeypatch.setitem(ours, "USER", role)
        monkeypatch.setitem(ours, "PASSWORD", password)

    yield log_in
    connections["default"].close()
    with superuser.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {role}")


def problems() -> list[str]:
    found = run_checks(databases=["default", "door", "editor", "auditor", "jobs", "sealer"])
    return [str(error.id) for error in found if str(error.id).startswith("permissions.")]


def test_the_roles_as_made_pass_the_checks(django_db_setup: str) -> None:
    assert problems() == []


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
def test_a_role_that_goes_around_row_security_is_an_error(
    careless: Callable[[str], None], attribute: str
) -> None:
    careless(attribute)
    assert problems() == ["permissions.E002", "permissions.E006"]


def test_a_shifted_clock_is_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE clock_offset SET shift = '1 day'")
        try:
            assert problems() == ["permissions.E003"]
        finally:
            cursor.execute("UPDATE clock_offset SET shift = '0'")


def for_new_sessions(superuser: psycopg2.extensions.connection, change: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(f"ALTER {change}")
    for alias in connections:
        connections[alias].close()


def test_a_commit_that_does_not_wait_for_the_disk_is_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    for_new_sessions(superuser, f"DATABASE {django_db_setup} SET synchronous_commit = off")
    try:
        assert set(problems()) == {"permissions.E005"}
    finally:
        for_new_sessions(superuser, f"DATABASE {django_db_setup} RESET synchronous_commit")


def test_sessions_that_read_one_anothers_queries_are_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    for_new_sessions(superuser, "ROLE door SET track_activities = on")
    try:
        assert problems() == ["permissions.E006"]
    finally:
        for_new_sessions(superuser, "ROLE door SET track_activities = off")


def test_a_memory_of_what_was_run_is_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    """It shows a role the texts of its own sessions, whatever `track_activities` says."""
    with superuser.cursor() as cursor:
        cursor.execute("CREATE EXTENSION pg_stat_statements")
        superuser.commit()
        try:
            assert set(problems()) == {"permissions.E006"}
        finally:
            cursor.execute("DROP EXTENSION pg_stat_statements")
            superuser.commit()


def test_a_server_with_a_known_hole_is_an_error(
    django_db_setup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "SAFE_VERSIONS", dict.fromkeys(range(10, 40), 999_999))
    assert set(problems()) == {"permissions.E004"}
