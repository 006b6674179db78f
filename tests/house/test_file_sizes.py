"""Files and folders stay small enough to be read whole."""

from collections import Counter
from pathlib import Path

import pytest

from tests.house.source_tree import committed
from tests.support.ground.repository import REPOSITORY

# A file of the product over 300 lines is asked why. Growing past its number is asked again.
LONG = {
    "api/contract/example_values.py": (400, "the words of every example, member by member"),
    "api/v1/directory/parameters.py": (370, "every parameter of the directory's lists"),
    "directory/editing/edit.py": (350, "an edit from its draft to what is rendered"),
    "directory/search/retrieval.py": (320, "every reader of the directory, one after the other"),
    "permissions/audit/writer.py": (380, "an entry of the log, and what it needs to be written"),
    "referrals/accounting.py": (310, "the accounting, from the log's lines to its text"),
    "referrals/acts/assignment.py": (330, "every act that assigns, with its entry"),
    "referrals/sql/functions/blocks.sql": (340, "who is barred, and who learns of it"),
    "referrals/queries/list_filters.py": (320, "every filter of a list, one by one"),
    "referrals/sql/functions/messages.sql": (320, "who is notified, and what became of it"),
    "referrals/webhooks/endpoints.py": (350, "an endpoint, from its name to its end"),
    "api/desk/urls.py": (330, "every page of the desk, one below the other"),
    "api/desk/directory/own_entries.py": (
        330,
        "an agency's own entries: each page after the other",
    ),
    "api/desk/referral/release/release_forms.py": (350, "the survivor's permission, step by step"),
    "referrals/releases/lifecycle.py": (310, "a release, from its record to its last day"),
    "referrals/releases/terms.py": (330, "what a release must say, check by check"),
    "api/desk/referral/notice.py": (370, "the notice: a new one, its preview, and a draft"),
    "api/desk/labels.py": (370, "what the desk says, in one place"),
    "directory/hsds/schema.py": (380, "every table of the standard, column by column"),
    "directory/search/sql_statements.py": (350, "one statement a page, part by part"),
    "directory/importing/import_package.py": (380, "one import, from its first line to its last"),
    "directory/importing/parsing.py": (380, "one row, column by column and link by link"),
    "directory/importing/staging.py": (360, "the SQL of one temporary file, in one place"),
    "directory/importing/formats/csv_reader.py": (340, "every way in which tables arrive"),
    "openapi/schema.py": (320, "what the generator leaves out, hook by hook"),
    "permissions/identity/credentials.py": (350, "a credential, from its opening to its end"),
    "permissions/keys/key_folder.py": (370, "one folder, from its mark to who may use it"),
    "permissions/keys/keystore.py": (340, "what a key store promises, and the one that is files"),
    "permissions/ledger/verifier.py": (350, "one file, which its reader keeps and runs alone"),
    "permissions/reference/matrix.py": (310, "the table of who sees what, line by line"),
    "permissions/reference/rows.py": (380, "every protected table, row by row"),
    "permissions/reference/write_rules.py": (370, "what may be written, one table below the other"),
    "permissions/policy/disclosure.py": (350, "the consent law, read from top to bottom"),
    "permissions/audit/queries.py": (380, "what an auditor reads, from its filters to one page"),
    "referrals/codes.py": (400, "every vocabulary, list by list"),
    "referrals/notifications/recipients.py": (
        340,
        "who is notified, from the members to the queue",
    ),
    "referrals/notifications/transports.py": (320, "each way that a message leaves, one by one"),
    "referrals/notifications/message_queue.py": (
        398,
        "one message, from its claim to who asks what became of it",
    ),
    "referrals/packets/packet.py": (
        370,
        "what is sealed: release, packet, notes; one way to read it",
    ),
    "api/desk/audit/reason_labels.py": (320, "a table of codes: each reason in a few words"),
    "referrals/acts/handoff.py": (390, "the hand-off, from the first call to the last attempt"),
}

MOST_LINES = 400
# Whatever is longer, of the product, the tests and the bench, and why it is not split.
LONGER = {
    "api/settings.py": "settings: one file, from the environment",
    "api/desk/problem_texts.py": "a table of codes: every refusal explained, one below the other",
    "tests/support/proofs/route_table.py": "a table of routes: who gets which answer, line by line",
}
MOST_MODULES = 15

pytestmark = pytest.mark.static


def lengths() -> dict[str, int]:
    """Lines of each Python and SQL file that is written by hand, as `wc -l` counts them."""
    return {
        name: (REPOSITORY / name).read_bytes().count(b"\n")
        for name in committed()
        if name.endswith((".py", ".sql")) and "migrations" not in Path(name).parts
    }


def test_a_long_file_says_why() -> None:
    grown = {
        name: lines
        for name, lines in lengths().items()
        if not name.startswith("tests/") and name not in LONGER
        if lines > LONG.get(name, (300, ""))[0]
    }
    assert grown == {}
    assert set(LONG) <= set(committed()), "gone: take it off the table"


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    longer = {name: lines for name, lines in lengths().items() if lines > MOST_LINES}
    assert set(longer) == set(LONGER), longer


def test_no_folder_has_more_than_fifteen_modules() -> None:
    """But `management/commands`, where each command is one, migrations, which are only ever added,
    the areas of the tests, and the four folders of what all of them are written with."""
    folders = Counter(
        path.parent
        for path in map(Path, committed())
        if path.suffix == ".py" and path.name != "__init__.py"
    )
    full = {
        str(folder): modules
        for folder, modules in folders.items()
        if modules > MOST_MODULES
        and folder.parts[-2:] != ("management", "commands")
        and folder.name != "migrations"
        and (folder.parts[0], len(folder.parts)) != ("tests", 2)
        and folder.parts[:2] != ("tests", "support")
    }
    assert full == {}
