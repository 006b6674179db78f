"""What a page of the auditor's reads: at most 300 buffers for each filter, whether what she looks
for is common, rare or not there, on the first page and on those behind it. On a log of moderate
size and four months; `python -m tests.bench.log_rows --rows 10000000` does the same on a large one.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from permissions import review
from permissions.credentials import resolve
from tests.bench import log_rows
from tests.conftest import agency_id
from tests.test_seals import guard, partitions

ROWS, MONTHS = 90_000, 4
MAX_BUFFERS = 300
# What each filter is there for; another index would read all that lies between its rows.
INDEXES = {
    "everything": "agency",
    "a member who did little": "member",
    "a client": "client",
    "a rare act": "act",
    "an act that nobody did": "act",
    "refusals": "refused",
    "a survivor, long ago": "subject",
    "a referral, long ago": "referral",
    "a rare purpose": "purpose",
    "self-assignments": "act",
}


@pytest.fixture
def grown(superuser: Any, network: Any) -> Iterator[Any]:
    """The log as it may be after some months; afterwards as it was."""
    before = set(partitions(superuser))
    try:
        log_rows.fill(superuser, agency_id("ywca"), ROWS, MONTHS)
        yield superuser
    finally:
        tables = [*partitions(superuser), "access_entry"]
        with superuser.cursor() as cursor:
            guard(cursor, tables, "DISABLE")
            cursor.execute("DELETE FROM access_entry WHERE address_prefix = '192.0.2.0/24'")
            for made in set(tables) - before - {"access_entry"}:
                cursor.execute(f"DROP TABLE {made}")
            guard(cursor, [*before, "access_entry"], "ENABLE ALWAYS")
            cursor.execute("VACUUM ANALYZE access_entry")


def test_each_filter_reads_few_pages_by_its_own_index(grown: Any, api: Any) -> None:
    principal = resolve(api("ywca.auditor").secret)
    assert principal is not None
    tried = log_rows.looked_for(grown, agency_id("ywca"))
    assert set(INDEXES) <= set(tried)
    with grown.cursor() as cursor:  # of a handful of rows, as other tests leave, any index will do
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 1000")
        large = {name for (name,) in cursor.fetchall()}
    assert len(large & set(partitions(grown))) >= MONTHS
    most = {}
    for what, filters in tried.items():
        for buffers, scans in log_rows.pages(principal, filters):
            most[what] = max(buffers, most.get(what, 0))
            used = {index for _, table, index in scans if index and table in large}
            if what in INDEXES:
                assert all(_is(index, INDEXES[what]) for index in used), (what, used)
    over = {what: buffers for what, buffers in most.items() if buffers > MAX_BUFFERS}
    assert over == {}
    assert review.MAX_PAGE == 100, "what was measured is the largest page"


def _is(index: str, kind: str) -> bool:
    """PostgreSQL names a partition's index after its columns."""
    words = {
        "agency": "agency_id_at_id_idx",
        "member": "member_id_at_id_idx",
        "client": "client_id_at_id_idx",
        "act": "act_at_id_idx",
        "refused": "agency_id_at_id_idx1",
        "subject": "subject_at_id_idx",
        "purpose": "purpose_at_id_idx",
        "referral": "referral_id_agency_id_at_id_idx",
    }
    return index.endswith(words[kind])
