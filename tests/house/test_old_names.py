"""Each name that was replaced before the first release is found nowhere in its old form.

CHANGELOG.md and the records of decisions say what something used to be called; a released
migration is never edited. Everything else of the product says what it is called now.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.house.source_tree import FLOORS, committed
from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static

PRODUCT = (*FLOORS, "openapi", "deploy", "docs")
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "manage.py")
READ = (".py", ".sql", ".md", ".html", ".yaml", ".yml", ".conf", ".example", ".sh", ".txt", ".toml")
LEFT_OUT = re.compile(r"/migrations/|^docs/adr/")


def _functions(names: str) -> str:
    return rf"\bsec\.(?:{'|'.join(names.split())})\b"


# What it is → how it used to be written.
OLD = {
    "roles `signin` and `definer`, in SQL and settings": (
        r"DATABASE_URL_DOOR|PASSWORD_DOOR|[\"'`](?:door|gate)[\"'`]"
        r"|(?:\b(?:TO|FROM|ROLE|BY|GRANT)|-- as:|\brole) (?:\w+, )*(?:door|gate)\b"
        r"|\b(?:door|gate)_\w+"
    ),
    "`referral uuid`": r"\br uuid\b",
    "functions that return an id: `current_agency_id`": _functions(
        "administering auditing caseworker directory_editor event_reader overseeing reader writer"
        " webhook_keeper herself opened_address opened_notes opted_in organization_of"
        " assigned_members"
    ),
    "functions that answer a question: `is_assigned`": _functions(
        "agreed answers_for answers_for_itself assigned can_answer edits edits_links in_network"
        " may_reach may_be_told mailbox_open must_stay oversees renders renders_its_own sees"
        " serves_a_side stays_hidden was_opened opened_by_me hides_a_secret member_is_live"
        " credential_is_live address_is_public may_ring"
    ),
    "conflict block: `is_not_blocked`": _functions(
        "barred_alerts barred_attempts barred_from bars not_barred kept_from keeps_out keep_barred"
        " keep_block mailbox_barred unbarred_referral_id nothing"
    ),
    "openings: `current_opening`": _functions(
        "opened opening openings openings_wait open_grant close_grant"
    ),
    "claim, assign, transfer": (
        _functions("take put_on put_in hand_over add_assignee name_holder")
        + r"|\bassignments\.(?:take|put_on|hand_over)\b"
    ),
    "commands: a noun and a verb": (
        r"manage\.py (?:add|set_agency|set_clocks|seals|work|purge|restored|import_hsds|export_hsds"
        r"|bind_organization|directory_editors|directory_reviews|import_postcodes|import_taxonomy"
        r"|load_taxonomy|refresh_directory|generate_directory)\b"
    ),
    "four sentences": (
        r"parameter stands twice|a character that is none|from the networks alone"
        r"|One that there is not"
    ),
}


class Found(NamedTuple):
    name: str
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name}: {self.text.strip()}"


def old_names(path: str, text: str) -> Iterator[Found]:
    """Each line of a file that has an old name."""
    for name, pattern in OLD.items():
        for found in re.finditer(pattern, text, re.MULTILINE):
            line = text.count("\n", 0, found.start()) + 1
            yield Found(name, path, line, text.splitlines()[line - 1])


def product() -> Iterator[tuple[str, str]]:
    for name in committed():
        ours = name.split("/")[0] in PRODUCT or name in PAGES
        if ours and name.endswith((*READ, "Makefile")) and not LEFT_OUT.search(name):
            yield name, (REPOSITORY / name).read_text()


def test_no_old_name_is_left() -> None:
    found = [one for name, text in product() for one in old_names(name, text)]
    assert not found, "\n".join(["old names:", *map(str, found)])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GRANT SELECT ON referral TO app, gate;", "roles"),
        ("-- as: gate", "roles"),
        ("CREATE POLICY gate_reads ON channel", "roles"),
        ('ROLES = ("app", "door")', "roles"),
        ("DATABASE_URL_DOOR=", "roles"),
        ("Building, floor, door", None),
        ("CREATE FUNCTION sec.is_assigned(r uuid)", "`referral uuid`"),
        ("SELECT sec.caseworker()", "functions that return an id"),
        ("SELECT sec.caseworker_agency_id()", None),
        ("SELECT sec.sees(referral)", "functions that answer"),
        ("sec.not_barred(referral)", "conflict block"),
        ("sec.opening('referral.open_notes')", "openings"),
        ("assignments.hand_over(referral, member)", "claim"),
        ("`manage.py set_agency`", "commands"),
        ("manage.py worker purge", None),
        ("One that there is not: 400.", "four"),
    ],
)
def test_an_old_name_is_found(text: str, name: str | None) -> None:
    found = [one.name for one in old_names("a.sql", text)]
    assert len(found) == (name is not None), found
    assert name is None or found[0].startswith(name)


# -- New functions ---------------------------------------------------------------------------------

FUNCTION = re.compile(
    r"CREATE (?:OR REPLACE )?FUNCTION sec\.(?P<name>\w+)\((?P<takes>[^$]*?)\)\s*"
    r"RETURNS (?P<gives>(?:SETOF )?\w+(?:\[\])?)(?P<rest>[^$]*?)\$",
)
# They change something, and return what came of it: the id that they made, or whether they did it.
ACTS = {"begin_practice_agency", "undo_accept"}
ASKS = re.compile(r"(?:is|may|has|was|does|must)_")


def functions() -> list[tuple[str, int, re.Match[str]]]:
    return [
        (name, text.count("\n", 0, found.start()) + 1, found)
        for name, text in product()
        if name.endswith(".sql")
        for found in FUNCTION.finditer(text)
    ]


def test_a_function_of_the_database_is_named_for_what_it_returns() -> None:
    """An id is called one, a question is asked, and a parameter has more than one letter."""
    wrong = []
    for path, line, found in functions():
        name, gives, acts = found["name"], found["gives"], "VOLATILE" in found["rest"]
        ids = gives.removeprefix("SETOF ").startswith("uuid")
        if ids and not re.search(r"_ids?(?:_|$)", name) and name not in ACTS:
            wrong.append(f"{path}:{line}: {name} returns an id and is not called for it")
        if gives == "boolean" and not ASKS.match(name) and not acts:
            wrong.append(f"{path}:{line}: {name} answers a question and does not ask it")
        if re.search(r"\b[a-z] uuid\b", found["takes"]):
            wrong.append(f"{path}:{line}: {name} has a parameter of one letter")
    assert not wrong, "\n".join(wrong)
    assert len(functions()) > 100
