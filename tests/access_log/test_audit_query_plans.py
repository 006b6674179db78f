"""What a page of the auditor's reads: at most 300 buffers for each filter, whether what she looks
for is common, rare or not there, on the first page and on those behind it. On a log of moderate
size and four months; `python -m tests.bench.log_rows --rows 10000000` does the same on a large one.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from permissions.audit import queries
from permissions.identity.credentials import resolve_credential
from tests.bench import log_rows
from tests.support.people.access_log import leads_on, one
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.seals import guard, partitions

ROWS, MONTHS = 90_000, 4
MAX_BUFFERS = 300
# What each filter is there for; another index would read all that lies between its rows.
INDEXES = {
    "everything": "agency",
    "a member who did little": "member",
    "a client": "client",
    "a rare act": "act",
    "an act that was never done": "act",
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
    count = f"SELECT count(*) FROM access_entry WHERE address_prefix = '{log_rows.NETWORK}'"
    assert one(superuser, count) == 0, "they would be removed from the sealed log"
    try:
        log_rows.fill(superuser, agency_id("ywca"), ROWS, MONTHS)
        yield superuser
    finally:
        tables = [*partitions(superuser), "access_entry"]
        with superuser.cursor() as cursor:
            guard(cursor, tables, "DISABLE")
            cursor.execute(count.replace("SELECT count(*)", "DELETE"))
            for made in set(tables) - before - {"access_entry"}:
                cursor.execute(f"DROP TABLE {made}")
            guard(cursor, [*before, "access_entry"], "ENABLE ALWAYS")
            cursor.execute("VACUUM ANALYZE access_entry")


def by_the_desk(filters: Any) -> Any:
    """A page of the desk's, by the query that leads to it; gives the one that leads on."""
    auditor = at_the_desk("ywca.auditor")
    first = {name.removesuffix("_id"): str(value) for name, value in filters.asked.items()}
    if filters.self_assigned:
        first["self_assigned"] = "on"
    for name in ("since", "until"):
        if moment := getattr(filters, name):
            first[name] = f"{moment:%Y-%m-%dT%H:%M}"

    def read(after: Any) -> Any:
        answer = auditor.get("/desk/access-log", after or first)
        assert answer.status_code == 200
        return leads_on(answer.content.decode())

    return read


@pytest.mark.parametrize("by", ["api", "desk"])
def test_each_filter_reads_few_pages_by_its_own_index(grown: Any, api: Any, by: str) -> None:
    principal = resolve_credential(api("ywca.auditor").secret)
    assert principal is not None
    tried = log_rows.looked_for(grown, agency_id("ywca"))
    assert set(INDEXES) <= set(tried)
    with grown.cursor() as cursor:  # of a handful of rows, as other tests leave, any index will do
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 1000")
        large = {name for (name,) in cursor.fetchall()}
    assert len(large & set(partitions(grown))) >= MONTHS
    most = {}
    for what, filters in tried.items():
        read = by_the_desk(filters) if by == "desk" else log_rows.by_the_api(principal, filters)
        for buffers, scans in log_rows.pages(principal, read):
            most[what] = max(buffers, most.get(what, 0))
            used = {index for _, table, index in scans if index and table in large}
            if what in INDEXES:
                assert all(_is(index, INDEXES[what]) for index in used), (what, used)
    over = {what: buffers for what, buffers in most.items() if buffers > MAX_BUFFERS}
    assert over == {}
    assert queries.MAX_PAGE == 100, "what was measured is the largest page"


SEVERAL = (
    *("a common act of a member", "a rare act of a member", "an act that she never did"),
    *("two that never meet", "three"),
)


def test_several_filters_find_on_all_their_pages_what_fits_them_all(grown: Any, api: Any) -> None:
    """No page reads more than one of one filter does; none says that it is the last before it is;
    they and the export tell the same as the rows."""
    principal = resolve_credential(api("ywca.auditor").secret)
    assert principal is not None
    tried = log_rows.looked_for(grown, agency_id("ywca"))
    partial = 0
    for what in SEVERAL:
        filters = tried[what]
        condition = " AND ".join(f"{name} = %s" for name in filters.asked)
        with grown.cursor() as cursor:
            cursor.execute(
                f"SELECT id, at < now() FROM access_entry WHERE agency_id = %s AND {condition}"
                " ORDER BY at DESC, id DESC",
                [str(agency_id("ywca")), *map(str, filters.asked.values())],
            )
            rows = cursor.fetchall()  # some of this month are still to come
            fitting = [str(id_) for id_, _ in rows]
        found, after, pages = [], None, 0
        while after or not pages:
            page = queries.access_log(principal, filters, after=after, limit=50)
            assert len(page.entries) <= 50
            partial += len(page.entries) < 50 and page.next is not None
            found += [str(one.id) for one in page.entries]
            after, pages = page.next, pages + 1
        assert found == fitting, what
        exported = [
            str(one.id) for part in queries.export(principal, filters) for one in part.entries
        ]
        assert exported == [str(id_) for id_, is_past in rows if is_past]
    assert partial >= 5


def test_the_desk_says_how_far_it_has_looked(
    grown: Any, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leads on from there, to the end, with nothing shown twice or left out."""
    monkeypatch.setattr(queries, "EXAMINED", 4)
    auditor = at_the_desk("ywca.auditor")
    tried = log_rows.looked_for(grown, agency_id("ywca"))["a common act of a member"]
    query = {"act": tried.act, "member": str(tried.member_id), "since": "2020-01-01T00:00"}
    page, seen = auditor.get("/desk/access-log", query).content.decode(), []
    for _ in range(4):
        shown = text_of(page)
        assert "Searched back to" in shown
        assert "Older entries were not searched yet." in shown
        assert "Search older entries" in page
        seen.append(page.count('data-label="When">'))
        page = auditor.get("/desk/access-log", leads_on(page)).content.decode()
    assert all(count < 50 for count in seen)
    assert sum(seen) > 0
    nobody = {"subject": str(uuid4())}
    assert "No matches: of survivor" in text_of(auditor.get("/desk/access-log", nobody).content)


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
