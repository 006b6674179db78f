"""The exact gates of the hot reads: plans and pages, compared with a role that no policy concerns,
and the statements of a request by name. `make bench` measures times, as ratios."""

from uuid import UUID

import pytest
from django.db import connection

from permissions.audit import writer
from permissions.database import db_identity
from permissions.identity.credentials import resolve_credential
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from tests.bench import fill, plans
from tests.bench.fill import PACKET
from tests.support.ground.cluster import own_cluster
from tests.support.people.stories import Story

SIZE = 20_000
MAX_BUFFERS = 300  # a list, at any size
# What one policy reads to know its caller, warm: root, leaf and row of the credential.
MAX_BUFFERS_A_POLICY = 3
WHO = "identity + who_calls"
# What the two statements of a detail scan, and the pages that policies add: who calls, once for
# each table, and for each row of a referral whether it bars them.
SEE = ({"referral", "referral_side"}, 20)
SHOW = (
    {"permissions_agency", "permissions_membership", "release", "conflict_block", "referral_plan"},
    80,
)
RELEASES = (  # as many more as the one that there is
    "SET session_replication_role = replica; INSERT INTO release SELECT more.* FROM release l,"
    " (SELECT id FROM referral LIMIT 5000) f, jsonb_populate_record(l, jsonb_build_object("
    "'id', gen_random_uuid(), 'referral_id', f.id)) more;"
    " RESET session_replication_role; ANALYZE release"
)
# So many that the credential's index has two levels, as in a network at work.
SIGNED_IN = (
    "INSERT INTO credential (hash, agency_id, membership_id, roles, scopes, created_at, expires_at,"
    " live, left_roles, system_of_record)"
    " SELECT sha256(id::text::bytea || n::text::bytea), agency_id, id, roles, '{}', now(),"
    " now() + interval '1 hour', true, '{}', false"
    " FROM permissions_membership, generate_series(1, 3) n; ANALYZE credential"
)
# So many packets that no plan reads all of them.
SEALED = (
    "INSERT INTO packet_grant (id, referral_id, agency_id, fields, closed)"
    " SELECT gen_random_uuid(), id, from_agency_id, '{}', false FROM referral LIMIT 5000;"
    "INSERT INTO packet_field (id, referral_id, from_agency_id, field, version, ciphertext)"
    " SELECT gen_random_uuid(), id, from_agency_id, 'name', 1, '' FROM referral LIMIT 5000;"
    "ANALYZE packet_grant, packet_field"
)


@pytest.fixture
def crowd(django_db_setup, superuser):
    """Thousands of referrals among two hundred agencies, the demo's among the largest."""
    fill.insert_referrals(own_cluster(), django_db_setup, SIZE)
    superuser.cursor().execute(SIGNED_IN)
    superuser.cursor().execute(SEALED)
    yield
    superuser.cursor().execute(
        "TRUNCATE referral, credential, packet_grant CASCADE;"
        " DELETE FROM permissions_membership WHERE name LIKE 'Invented Worker %';"
        " DELETE FROM permissions_person WHERE username LIKE 'unit%.worker%';"
        " DELETE FROM permissions_agency WHERE name LIKE 'Invented Agency %'"
    )


def sent_by(ask):
    """The statements of one request that was answered; a first one has filled the caches."""
    ask()
    with plans.statements() as seen:
        answer = ask()
    assert answer.status_code in (200, 201), answer.content
    return seen


def query_of(principal, **options):
    """The list's query, as it is sent."""
    with plans.statements() as seen:
        lists.list_page(principal, **options)
    return [one for one in seen if "FROM referral " in one.query][-1]  # behind its PREPARE


BOXES = {
    None: ["referral_to", "referral_from"],
    "in": ["referral_to"],
    "out": ["referral_from"],
}


def test_the_list_is_an_index_scan_a_box_as_for_an_exempt_role(crowd, api, superuser):
    principal = resolve_credential(api("ywca.worker").secret)
    for box, indexes in BOXES.items():
        the_list_is_an_index_scan(principal, superuser, box, indexes)


def the_list_is_an_index_scan(principal, superuser, box, indexes):
    first, place = lists.list_page(principal, box=box)
    assert len(first) == 50
    for after in (None, place):
        query = query_of(principal, box=box, after=after)
        assert query.once
        ours, exempt = plans.explain_both(superuser, principal, query, written_out=False)
        assert ours.shape == exempt.shape
        protected = [scan for scan in ours.scans if scan[1].startswith("referral")]
        assert protected == [
            *[("Index Scan", "referral", index) for index in indexes],
            ("Index Scan", "referral_side", "one_side_an_agency"),
        ]
        assert ("Merge Append(" in ours.shape) == (len(indexes) == 2)
        assert ours.buffers <= MAX_BUFFERS
        assert 0 < ours.buffers - exempt.buffers <= MAX_BUFFERS_A_POLICY * len(protected)


def test_the_soonest_deadlines_cost_no_more_than_the_newest_of_the_same_rows(crowd, api, superuser):
    """Both read the box once where few press; a page is then joined to 100 sides at most."""
    principal = resolve_credential(api("ywca.worker").secret)
    for box in ("in", "out"):
        the_soonest_cost_no_more(principal, superuser, box)


def the_soonest_cost_no_more(principal, superuser, box):
    pressing = {"box": box, "filters": Filters(pressing=True), "limit": 100}
    newest = plans.explain_both(superuser, principal, query_of(principal, **pressing))[0]
    query = query_of(principal, **pressing, soonest=True)
    ours, exempt = plans.explain_both(superuser, principal, query)
    assert ours.shape == exempt.shape
    assert [scan[2] for scan in ours.scans if scan[1] == "referral_side"][-1:] == [
        "one_side_an_agency"
    ]
    assert ours.buffers <= newest.buffers + 10


def test_a_read_by_its_id_is_planned_as_for_an_exempt_role(crowd, api, story, superuser):
    caller = api(story.accept().release(*PACKET).packet(**PACKET).sender)
    principal = resolve_credential(caller.secret)
    _who, see, show = sent_by(lambda: caller.get(f"/v1/referrals/{story.id}"))
    superuser.cursor().execute(RELEASES)
    for query, (tables, most_of_policies) in ((see, SEE), (show, SHOW)):
        plans.explain_both(superuser, principal, query)  # fills what a connection keeps
        ours, exempt = plans.explain_both(superuser, principal, query)
        assert ours.shape == exempt.shape
        assert {scan[1] for scan in ours.scans} == tables
        assert ("Seq Scan", "release", "") not in ours.scans
        assert ours.buffers - exempt.buffers <= most_of_policies


def test_an_opening_is_planned_as_for_an_exempt_role(crowd, api, story, superuser):
    """Also when its statements were planned once for all callers."""
    story.accept().release(*PACKET).packet(**PACKET)
    caller = api("ywca.worker")
    principal = resolve_credential(caller.secret)
    for _ in range(7):  # PostgreSQL plans for the values given five times, then once for all
        seen = sent_by(lambda: caller.act(story.id, "open_packet", {"purpose": "intake"}))
    _who, see, opened = seen
    plans.explain_both(superuser, principal, see)  # fills what a connection keeps
    ours, exempt = plans.explain_both(superuser, principal, see)
    assert ours.shape == exempt.shape
    assert {scan[1] for scan in ours.scans} == {"referral"}
    # One scan is protected: the own side, who is assigned and the grant are asked by a function.
    assert ours.buffers - exempt.buffers <= MAX_BUFFERS_A_POLICY
    with db_identity.identified_transaction(principal) as now, connection.cursor() as cursor:
        entry = writer.LoggedAct(
            principal, "referral.open_packet", UUID(story.id), now, purpose="intake"
        )
        entry.record(fields=list(PACKET))
        for statement in (see, opened):
            last = plans.Statement(statement.last, statement.params)
            once = plans.explain(cursor, last, written_out=False)
            assert once.shape == plans.explain(superuser.cursor(), statement).shape
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE generic_plans > 0")
        planned_once = {name for (name,) in cursor.fetchall()}
    # The third, opened_fields, is planned once or each time, as its table's statistics say.
    assert {"see_before_opening", "write_access_entry"} <= planned_once


def test_a_list_takes_the_same_statements_for_one_row_and_for_fifty(crowd, api):
    one = api("hospital.worker")
    Story(api, fill.service_of("ywca"), sender="hospital.worker").create()
    fifty = api("ywca.worker")
    assert len(one.get("/v1/referrals").json()["items"]) == 1
    assert len(fifty.get("/v1/referrals").json()["items"]) == 50
    for caller in (one, fifty):
        seen = sent_by(lambda caller=caller: caller.get("/v1/referrals"))
        names = [statement.name for statement in seen]
        assert names == [WHO, "identity + list_both_50", "write_access_entry"]


def test_statements_of_a_detail(api, story):
    story.accept().release(*PACKET).packet(**PACKET)
    caller = api("ywca.worker")
    seen = sent_by(lambda: caller.get(f"/v1/referrals/{story.id}"))
    assert [one.name for one in seen] == [
        WHO,
        "identity + see_referral",
        "write_access_entry + show_referral",
    ]


def test_statements_of_opening_a_packet(api, story):
    """Three packets, each a transaction: who is it; what are they to it; then the lock, the entry,
    and what it opens."""
    story.accept().release(*PACKET).packet(**PACKET)
    caller = api("ywca.worker")
    seen = sent_by(lambda: caller.act(story.id, "open_packet", {"purpose": "intake"}))
    assert [one.name for one in seen] == [
        WHO,
        "identity + see_before_opening",
        # In this order, or it finds nothing (R11).
        "identity + pg_advisory_xact_lock_shared + write_access_entry + opened_fields",
    ]


def test_statements_of_an_accept(api, story):
    caller = api("ywca.worker")
    Story(api, story.service_id).accept()  # fills what a process keeps
    story.send()
    with plans.statements() as seen:
        assert caller.act(story.id, "accept").status_code == 200
    assert [one.name for one in seen] == [
        WHO,
        "identity + lock_referral + see_referral",
        "SELECT permissions_agency",  # its time zone, for the deadline
        "INSERT referral_side",
        "sec.claim_referral",  # assigned, and the holder
        "UPDATE referral_side",
        "UPDATE referral",
        "INSERT referral_event",
        "sec.activate_grant",
        "sec.store_bound_access",
        "write_access_entry + show_referral",  # the answer: the referral as it now is
    ]
