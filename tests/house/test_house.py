"""The house's own rules, read from the source: floors, vocabularies, what is never written."""

import ast
import re
import sys
from collections.abc import Iterator

import pytest

from permissions.models.access_log import OPENINGS
from referrals.act_registry.registry import MOVES, RULES
from referrals.codes import PURPOSE
from referrals.packet_fields import PACKET_FIELDS
from tests.conftest import LONGEST
from tests.house.source_tree import FLOORS, HOUSE, committed
from tests.support.ground.repository import REPOSITORY, sources

PAPERS = {
    *("manage.py", "pyproject.toml", "Makefile", "LICENSE", ".gitattributes", ".gitignore", ".ci"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *(".editorconfig", ".github", ".pre-commit-config.yaml"),
    *("requirements.lock", "requirements-dev.lock"),
}

# Referral rows reached outside `visible_to`, with the reason.
PAST_VISIBLE_TO = {
    (
        "referrals/act_transaction.py",
        "filter",
    ): "the update of a row that was seen and locked just before",
    ("referrals/acts/sender.py", "create"): "an insert sees nothing",
}

pytestmark = pytest.mark.static


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


# -- Vocabularies that are written in two places ---------------------------------------------------


def test_who_may_and_from_where_have_the_same_acts() -> None:
    assert set(RULES) == set(MOVES)


def test_purposes_are_the_words_that_the_database_knows() -> None:
    sql = (REPOSITORY / "referrals/sql/functions/openings.sql").read_text()
    body = re.search(r"FUNCTION sec\.current_opening\(.*?END \$\$;", sql, re.DOTALL)
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
    the directory stamps what it renders, the process log and the journal of closings their lines, a
    form that is kept counts its two hours: no rule reads them. A credential and a release are
    judged by both clocks, since the database's is in the hands of who writes it."""
    allowed = {"api/accounts/oauth.py", "api/logging_config.py", "directory/projection/render.py"}
    allowed |= {"permissions/identity/credentials.py", "permissions/identity/access_record.py"}
    allowed |= {"permissions/keys/closings.py", "api/desk/unfinished_forms.py"}
    allowed |= {"api/backup/drill.py"}  # how long a drill took
    allowed |= {"api/health/edge_checks.py"}  # whether the contact for weaknesses has expired
    # When an act was copied, a mark written, and a list of what is lost: no rule reads them.
    allowed |= {"referrals/recovery/copies.py", "permissions/recovery/marks.py"}
    allowed |= {"api/management/commands/database.py", "permissions/recovery/journal.py"}
    reads = re.compile(r"\btimezone\.now\(|\bdatetime\.now\(|\bdatetime\.utcnow\(|\bdate\.today\(")
    found = {
        name
        for name, tree in sources("permissions", "directory", "referrals", "api")
        if reads.search(ast.unparse(tree)) and name != "api/dev/walkthrough.py"
    }
    assert found <= allowed


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


def test_no_folder_of_the_tests_hides_a_module_of_pythons() -> None:
    """`tests` is in the path of the peers of the bench, which came to nothing by a `numbers`."""
    names = {path.stem for path in (REPOSITORY / "tests").iterdir()}
    assert not names & sys.stdlib_module_names
