"""The auditor's work on the access log: filters, pages, files, trails, counts, the seals; and who
reads it beside her: an oversight auditor, where an agency has opted in, and nobody else."""

import csv
import io
import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from django.core.management import call_command
from django.db import connections
from django.http import StreamingHttpResponse

from api import audit_downloads
from api.desk import labels
from api.logging_config import ALLOWED
from api.v1.audit.access_log_filters import FILTERS
from permissions.audit import queries
from permissions.audit.queries import Filters
from permissions.ledger import sealed_export as module_of_sealed_export
from permissions.ledger import sealer, self_check, witness
from referrals import worker
from tests.support.access_log import handle, one, read_all, the_log_is_full
from tests.support.callers import Caller, agency_id, member_id
from tests.support.database import as_app, full_story, identify, refused, turned_off
from tests.support.desk_pages import at_the_desk
from tests.support.seals import (
    ROW,
    Old,
    checked,
    guard,
    partitions,
    put_in,
    retire,
    seal,
    tampered,
    write,
)
from tests.support.seals import old as old  # a fixture
from tests.support.stories import PACKET, Story

LOG = "/v1/access-log"
EXPORT = f"{LOG}/export"
OPT_INS = f"{LOG}/opt-ins"


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    text = b"".join(answer.streaming_content).decode()
    return [json.loads(line) for line in text.splitlines()]


def entries_of(superuser: Any, answer: Any) -> list[tuple[Any, ...]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, decision, rule FROM access_entry WHERE request_id = %s ORDER BY id",
            [answer["X-Request-Id"]],
        )
        return list(cursor.fetchall())


# -- Filters and pages -----------------------------------------------------------------------------


def test_each_filter_gives_what_it_says_and_all_of_it(
    story: Story, api: Any, superuser: Any
) -> None:
    began = clock(superuser)
    full_story(story, api)
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "safety"})
    api("ywca.client", acting="ywca.worker").get(f"/v1/referrals/{story.id}")
    api("ywca.worker").get(f"/v1/referrals/{uuid4()}")
    auditor = api("ywca.auditor")
    # Of this story alone: other tests leave entries of other times.
    window = {"since": began, "until": clock(superuser)}
    everything = read_all(auditor, window)
    subject = handle(superuser, story.id, "ywca")
    client = next(item["client_id"] for item in everything if item["client_id"])
    for query, fits in (
        ({"act": "referral.open_packet"}, lambda row: row["act"] == "referral.open_packet"),
        ({"decision": "refused"}, lambda row: row["decision"] == "refused"),
        (
            {"member_id": str(member_id("ywca.lead"))},
            lambda row: row["member_id"] == str(member_id("ywca.lead")),
        ),
        ({"client_id": client}, lambda row: row["client_id"] == client),
        ({"referral_id": story.id}, lambda row: row["referral_id"] == story.id),
        ({"subject": subject}, lambda row: row["subject"] == subject),
        ({"purpose": "safety"}, lambda row: row["purpose"] == "safety"),
        ({"self_assigned": "true"}, lambda row: row["act"] == "referral.self_assign"),
        (
            {"referral_id": story.id, "member_id": str(member_id("ywca.worker"))},
            lambda row: (
                (row["referral_id"], row["member_id"]) == (story.id, str(member_id("ywca.worker")))
            ),
        ),
    ):
        expected = [row for row in everything if fits(row)]
        assert expected, query
        found = read_all(auditor, query | window)
        assert found == expected, query
        by_page = read_all_by(auditor, 3, query | window)
        assert by_page == found, "page by page the same"


def clock(superuser: Any) -> str:
    return str(one(superuser, "SELECT to_json(sec.clock())"))


def read_all_by(caller: Caller, size: int, query: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = caller.get(LOG, query | cursor | {"limit": str(size)}).json()
        assert len(page["items"]) <= size
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def test_an_entry_of_a_month_that_nobody_foresaw_is_read_in_its_place(
    api: Any, shift_clock: Any, superuser: Any
) -> None:
    """It stands in the partition for all other times, and is asked beside the months."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT begins, ends FROM sec.log_months()")
        begins, ends = cursor.fetchone()
    asked = []
    long_ago = datetime(2002, 2, 2, tzinfo=UTC)  # of no month that another test makes
    assert long_ago < begins
    for month in (long_ago, datetime.now(UTC), ends + timedelta(days=40)):
        shift_clock(str(month - datetime.now(UTC)))
        answer = api("sarc.worker").get("/v1/referrals")
        assert answer.status_code == 200, answer.content
        asked.insert(0, answer["X-Request-Id"])
        shift_clock("0")
    question = "SELECT count(*) FROM access_entry_other WHERE request_id = ANY (%s::uuid[])"
    assert one(superuser, question, [asked]) == 2
    found = [row["request_id"] for row in read_all_by(api("sarc.auditor"), 1, {})]
    assert [id_ for id_ in found if id_ in asked] == asked, "newest first"


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": "x"},
        {"subject": "x"},
        {"agency_id": "police"},
        {"self_assigned": "yes"},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
        {"format": "xlsx"},
        {"purposes": "intake"},
        {"act": "x\x00"},
        {"act": "nonsense.act"},
        {"act": "referral.open_packet "},
        {"purpose": "zzz"},
        *({name: ""} for name in FILTERS),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_list_and_by_the_export(
    api: Any, query: dict[str, str]
) -> None:
    for path in (LOG, EXPORT):
        answer = api("police.auditor").get(path, query)
        assert answer.status_code == 400, path
        assert answer.json()["detail"]
        assert "zzz" not in answer.json()["detail"], "it repeats nothing"


def test_every_act_and_purpose_of_the_vocabulary_may_be_asked_for(api: Any) -> None:
    auditor = api("outsider.auditor")
    for name, known in (("act", labels.LOGGED), ("purpose", dict(labels.PURPOSES))):
        for code in known:
            assert auditor.get(LOG, {name: code, "limit": "1"}).status_code == 200, code


# -- Files -----------------------------------------------------------------------------------------


def test_an_export_is_the_list_in_both_formats_and_is_itself_an_entry(
    story: Story, api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_story(story, api)
    monkeypatch.setattr(queries, "EXPORTED_AT_ONCE", 3)
    auditor = api("ywca.auditor")
    answer = auditor.get(EXPORT, {"referral_id": story.id, "format": "ndjson"})
    assert entries_of(superuser, answer) == [("access_log.export", "allowed", None)], "before"
    found = lines(answer)
    listed = read_all(auditor, {"referral_id": story.id})
    assert found == [row for row in listed if not row["act"].startswith("access_log.")]
    assert len(found) > 6, "more than one part"
    assert answer["Content-Disposition"] == 'attachment; filename="access-log.ndjson"'
    assert answer["Cache-Control"] == "no-store"
    as_csv = auditor.get(EXPORT, {"referral_id": story.id, "format": "csv"})
    whole = b"".join(as_csv.streaming_content)
    assert whole.startswith(b"\xef\xbb\xbf"), "or a spreadsheet garbles José"
    text = whole.decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    rows = [row for row in table if not row["act"].startswith("access_log.")]
    assert [row["id"] for row in rows] == [row["id"] for row in found]
    assert list(table[0]) == list(found[0])
    opened = next(row for row in found if row["fields"])
    beside = next(row for row in rows if row["id"] == opened["id"])
    assert beside["fields"].split() == opened["fields"]
    assert not any(value in text for value in PACKET.values())


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "＝", "  ="])
def test_a_cell_that_a_spreadsheet_would_run_is_text(first: str) -> None:
    assert audit_downloads.cell(f"{first}cmd|' /C calc'!A0").startswith("'")
    assert audit_downloads.cell(["referral.read"]) == "referral.read"
    assert audit_downloads.cell(None) == ""


def test_a_members_name_runs_in_no_spreadsheet(api: Any, superuser: Any) -> None:
    api("police.worker").get("/v1/referrals")
    formula = '=HYPERLINK("https://x.invalid")'
    with superuser.cursor() as cursor:
        named = [formula, str(member_id("police.worker"))]
        cursor.execute("SELECT name FROM permissions_membership WHERE id = %s", named[1:])
        (name,) = cursor.fetchone()
        cursor.execute("UPDATE permissions_membership SET name = %s WHERE id = %s", named)
        try:
            query = {"member_id": named[1], "format": "csv"}
            answer = api("police.auditor").get(EXPORT, query)
            text = b"".join(answer.streaming_content).decode("utf-8-sig")
        finally:
            cursor.execute(
                "UPDATE permissions_membership SET name = %s WHERE id = %s", [name, named[1]]
            )
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {row["member_name"] for row in rows} == {f"'{formula}"}


def test_an_export_reads_in_parts_and_ends_with_the_right_to_it(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever fetches it sees a connection that broke off, never a log that seems shorter."""
    for _ in range(8):
        api("sarc.lead").get("/v1/referrals")
    monkeypatch.setattr(queries, "EXPORTED_AT_ONCE", 4)
    answer = api("sarc.auditor").get(EXPORT)
    assert isinstance(answer, StreamingHttpResponse)
    parts = iter(answer.streaming_content)
    assert len(next(parts).splitlines()) == 4
    with (
        turned_off("jobs", "permissions_membership", "active", member_id("sarc.auditor")),
        pytest.raises(queries.NotAuthenticated),
    ):
        next(parts)


def test_without_its_entry_nothing_is_exported_counted_or_checked(api: Any) -> None:
    auditor, admin = api("police.auditor"), api("police.admin")
    with the_log_is_full():
        answers = [
            auditor.get(EXPORT),
            auditor.get(f"{LOG}/counts", {"month": "2026-11"}),
            auditor.get(f"{LOG}/listings", {"referral_id": str(uuid4())}),
            auditor.get(f"{LOG}/seals"),
            auditor.post(f"{LOG}/seals/verify"),
            auditor.get(OPT_INS),
            admin.post(OPT_INS, opt_in()),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "log")
        assert answer.json()["safety_lines"]
    assert api("police.admin").get(OPT_INS).json()["items"] == []


# -- The trail of a referral -----------------------------------------------------------------------


def test_the_trail_of_a_referral_names_who_had_it_in_her_lists(story: Story, api: Any) -> None:
    story.accept()
    for who, times in (("ywca.worker2", 3), ("ywca.lead", 1), ("police.worker2", 2)):
        for _ in range(times):
            api(who).get("/v1/referrals")
    for key, expected in (
        ("ywca", {"Yoko Specimen": 3, "Yara Sample": 1}),
        ("police", {"Sam Specimen": 2}),
        ("outsider", {}),
    ):
        answer = api(f"{key}.auditor").get(f"{LOG}/listings", {"referral_id": story.id})
        assert answer.status_code == 200, answer.content
        found = {item["member_name"]: item["times"] for item in answer.json()["items"]}
        assert found == expected
    assert api("ywca.auditor").get(f"{LOG}/listings").status_code == 400


# -- An agency lets an oversight auditor read ------------------------------------------------------


def opt_in(days: float = 7, to: str = "taskforce") -> dict[str, str]:
    ends = datetime.now(UTC) + timedelta(days=days)
    return {"to_agency_id": str(agency_id(to)), "ends_at": ends.isoformat()}


def reads(api: Any, key: str = "ywca", **window: str) -> Any:
    query = {"agency_id": str(agency_id(key)), "limit": "100"}
    return api("taskforce.auditor").get(LOG, query | window)


def nothing(answer: Any, api: Any) -> bool:
    """The same as for an agency that there is not."""
    none = api("taskforce.auditor").get(LOG, {"agency_id": str(uuid4())})
    return (answer.status_code, answer.content) == (none.status_code, none.content) and (
        none.status_code == 404
    )


def test_an_oversight_auditor_reads_an_agencys_rows_from_its_opt_in_until_it_is_taken_back(
    story: Story, api: Any, superuser: Any
) -> None:
    began = clock(superuser)
    full_story(story, api)
    admin = api("ywca.admin")
    assert nothing(reads(api), api)
    given = admin.post(OPT_INS, opt_in())
    assert given.status_code == 201, given.content
    assert entries_of(superuser, given) == [("access_log.opt_in", "allowed", None)]
    found = reads(api, since=began, until=clock(superuser))
    assert found.status_code == 200, found.content
    rows = found.json()["items"]
    assert {row["act"] for row in rows} >= {"referral.accept", "access_log.opt_in"}
    ids = [row["id"] for row in rows]
    others = "SELECT count(*) FROM access_entry WHERE id = ANY (%s::uuid[]) AND agency_id <> %s"
    assert one(superuser, others, [ids, str(agency_id("ywca"))]) == 0
    assert {row["member_name"] for row in rows} == {None}, "no names of another agency"
    assert {row["subject"] for row in rows} == {None}, "no handle of another agency's"
    (entry,) = entries_of(superuser, found)
    assert entry == ("access_log.read", "allowed", "opt_in")
    assert times_read(admin) == [1]
    exported = api("taskforce.auditor").get(EXPORT, {"agency_id": str(agency_id("ywca"))})
    assert handle(superuser, story.id, "ywca") not in json.dumps(lines(exported))
    # No other agency's, nobody else, and no list of her people.
    assert nothing(reads(api, "hospital"), api)
    for who in ("police.auditor", "ywca.worker", "taskforce.coordinator", "outsider.auditor"):
        answer = api(who).get(LOG, {"agency_id": str(agency_id("ywca"))})
        assert answer.status_code in (403, 404), who
    taken = admin.delete(f"{OPT_INS}/{given.json()['id']}")
    assert taken.status_code == 200
    assert taken.json()["stands"] is False
    assert entries_of(superuser, taken) == [("access_log.end_opt_in", "allowed", None)]
    assert nothing(reads(api), api)
    again = admin.delete(f"{OPT_INS}/{given.json()['id']}")
    assert again.json() == taken.json(), "the first time counts"


def times_read(caller: Caller) -> list[int]:
    answer = caller.get(OPT_INS)
    assert answer.status_code == 200, answer.content
    return [one["times_read"] for one in answer.json()["items"]]


def test_how_often_an_opt_in_was_read_by_is_told_to_both_and_to_nobody_else(
    api: Any, superuser: Any
) -> None:
    admin, auditor = api("ywca.admin"), api("taskforce.auditor")
    before = {one["id"]: one["times_read"] for one in auditor.get(OPT_INS).json()["items"]}
    given = admin.post(OPT_INS, opt_in()).json()
    assert (given["times_read"], given["last_read_at"]) == (0, None)
    whose = {"agency_id": str(agency_id("ywca"))}
    read = [auditor.get(LOG, whose | {"limit": "1"}), auditor.get(LOG, whose)]
    assert lines(auditor.get(EXPORT, whose))
    assert api("taskforce.auditor").get(LOG).status_code == 200, "her own agency's: no opt-in"
    assert nothing(reads(api, "hospital"), api)
    last = one(superuser, "SELECT max(at) FROM access_entry WHERE rule = 'opt_in'")
    for who in (admin, api("ywca.auditor"), auditor):
        shown = {one["id"]: one for one in who.get(OPT_INS).json()["items"]}
        told = shown.pop(given["id"])
        assert told["times_read"] == 3
        assert datetime.fromisoformat(told["last_read_at"]) == last
        assert all(
            before.get(id_, one["times_read"]) == one["times_read"] for id_, one in shown.items()
        )
    assert [answer.status_code for answer in read] == [200, 200]
    with as_app(api("police.admin")) as cursor:
        cursor.execute("SELECT opt_in FROM sec.opt_in_reads()")
        assert given["id"] not in {str(row[0]) for row in cursor.fetchall()}
    for who in ("ywca.worker", "ywca.client"):
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT count(*) FROM sec.opt_in_reads()")
            assert cursor.fetchone() == (0,), who


def test_an_opt_in_that_stands_is_told_however_many_came_after_it(api: Any, superuser: Any) -> None:
    """At the desk an oversight auditor chooses from these whose log she reads."""
    standing = api("ywca.admin").post(OPT_INS, opt_in()).json()
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO log_opt_in (id, agency_id, to_agency_id, given_by, given_at, ends_at)"
            " SELECT gen_random_uuid(), %s, %s, %s, now() + interval '1 second', now()"
            " FROM generate_series(1, 120)",
            [str(agency_id("police")), str(agency_id("taskforce")), str(member_id("police.admin"))],
        )
    told = api("taskforce.auditor").get(OPT_INS).json()["items"]
    assert len(told) == 100
    assert [given["id"] for given in told if given["stands"]] == [standing["id"]]
    theirs = {"agency": str(agency_id("ywca"))}
    assert at_the_desk("taskforce.auditor").get("/desk/access-log", theirs).status_code == 200


def test_an_opt_in_ends_by_itself(api: Any, shift_clock: Any) -> None:
    assert api("ywca.admin").post(OPT_INS, opt_in(days=1)).status_code == 201
    assert reads(api).status_code == 200
    shift_clock("25 hours")
    assert nothing(reads(api), api)


def test_an_export_under_an_opt_in_ends_with_it(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(8):
        api("ywca.lead").get("/v1/referrals")
    admin = api("ywca.admin")
    given = admin.post(OPT_INS, opt_in()).json()
    monkeypatch.setattr(queries, "EXPORTED_AT_ONCE", 4)
    answer = api("taskforce.auditor").get(EXPORT, {"agency_id": str(agency_id("ywca"))})
    parts = iter(answer.streaming_content)
    next(parts)
    assert admin.delete(f"{OPT_INS}/{given['id']}").status_code == 200
    with pytest.raises(queries.NotAuthenticated):
        next(parts)


def test_a_right_that_ends_while_a_part_is_read_gives_no_shorter_log(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then row security shows nothing, which would read as "that is all of it"."""
    for _ in range(8):
        api("ywca.lead").get("/v1/referrals")
    write(api)
    seal()
    admin, auditor = api("ywca.admin"), api("taskforce.auditor")
    whose = {"agency_id": str(agency_id("ywca"))}
    read = queries._entries

    def taken_back() -> None:
        for given in admin.get(OPT_INS).json()["items"]:
            admin.delete(f"{OPT_INS}/{given['id']}")

    def read_late(*given: Any) -> Any:
        taken_back()
        return read(*given)

    monkeypatch.setattr(queries, "_entries", read_late)
    assert admin.post(OPT_INS, opt_in()).status_code == 201
    assert nothing(auditor.get(LOG, whose), api)
    assert admin.post(OPT_INS, opt_in()).status_code == 201
    with pytest.raises(queries.NotAuthenticated):
        list(auditor.get(EXPORT, whose).streaming_content)
    monkeypatch.setattr(queries, "EXPORTED_AT_ONCE", 4)
    monkeypatch.setattr(queries, "_entries", read)
    assert admin.post(OPT_INS, opt_in()).status_code == 201
    parts = iter(auditor.get(EXPORT, whose).streaming_content)
    next(parts)
    monkeypatch.setattr(queries, "_entries", read_late)
    with pytest.raises(queries.NotAuthenticated):
        list(parts)


def test_nor_a_shorter_sealed_export(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(api)
    seal()
    answer = api("ywca.auditor").get(EXPORT, {"format": "sealed"})
    she = ("jobs", "permissions_membership", "active", member_id("ywca.auditor"))
    found = sealer.checkpoints
    with ExitStack() as ended:

        def found_late(*given: Any, **how: Any) -> Any:
            ended.enter_context(turned_off(*she))
            return found(*given, **how)

        monkeypatch.setattr(sealer, "checkpoints", found_late)
        with pytest.raises(queries.NotAuthenticated):
            list(answer.streaming_content)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (opt_in(days=91), "ends_at"),
        (opt_in(days=-1), "ends_at"),
        (opt_in(to="police"), "to_agency_id"),
        (opt_in(to="nowhere"), "to_agency_id"),
        ({"to_agency_id": str(uuid4())}, "/ends_at"),
        (opt_in() | {"agency_id": str(agency_id("police"))}, None),
    ],
    ids=["too long", "over", "no oversight", "nobody", "no end", "another's"],
)
def test_an_opt_in_that_may_not_be_is_refused_in_words(
    api: Any, body: dict[str, str], pointer: str | None
) -> None:
    answer = api("ywca.admin").post(OPT_INS, body)
    assert answer.status_code == 400
    assert answer.json().get("pointer") == pointer
    assert api("ywca.admin").get(OPT_INS).json()["items"] == []


def test_one_opt_in_stands_at_a_time_and_an_agencys_own_are_its_own(api: Any) -> None:
    given = api("ywca.admin").post(OPT_INS, opt_in()).json()
    second = api("ywca.admin").post(OPT_INS, opt_in())
    assert (second.status_code, second.json()["code"]) == (409, "opt_in_stands")
    for who in ("ywca.admin", "ywca.auditor", "taskforce.auditor"):
        assert [item["id"] for item in api(who).get(OPT_INS).json()["items"]] == [given["id"]]
    for who in ("police.admin", "police.auditor"):
        assert api(who).get(OPT_INS).json()["items"] == []
    other = api("police.admin").delete(f"{OPT_INS}/{given['id']}")
    none = api("police.admin").delete(f"{OPT_INS}/{uuid4()}")
    assert (other.status_code, other.content) == (none.status_code, none.content)
    assert other.status_code == 404
    assert reads(api).status_code == 200


@pytest.mark.parametrize(
    "who", ["ywca.worker", "ywca.lead", "ywca.auditor", "ywca.client", "taskforce.auditor"]
)
def test_nobody_but_the_administrator_opts_in(api: Any, who: str) -> None:
    assert api(who).post(OPT_INS, opt_in()).status_code == 403
    assert nothing(reads(api), api)


def test_an_injected_query_reads_another_agencys_row_under_an_opt_in_alone(
    story: Story, api: Any
) -> None:
    story.accept()
    ywca, own = agency_id("ywca"), agency_id("taskforce")

    def seen() -> set[Any]:
        caller = api("taskforce.auditor")
        caller.get(LOG)
        with connections["auditor"].cursor() as cursor:
            cursor.execute("BEGIN")
            identify(cursor, caller)
            cursor.execute("SELECT DISTINCT agency_id FROM access_entry")
            found = {agency for (agency,) in cursor.fetchall()}
            cursor.execute("ROLLBACK")
        return found

    assert seen() == {own}
    given = api("ywca.admin").post(OPT_INS, opt_in()).json()
    assert seen() == {own, ywca}
    with as_app(api("police.admin")) as cursor:
        assert refused(cursor, "UPDATE log_opt_in SET withdrawn_at = now()")
    with as_app(api("ywca.admin")) as cursor:
        for change in ("ends_at = now() + interval '9 years'", "to_agency_id = agency_id"):
            assert refused(cursor, f"UPDATE log_opt_in SET {change}")
    api("ywca.admin").delete(f"{OPT_INS}/{given['id']}")
    with as_app(api("ywca.admin")) as cursor:
        assert refused(cursor, "UPDATE log_opt_in SET withdrawn_at = NULL"), "it stays over"
    assert seen() == {own}


# -- Counts ----------------------------------------------------------------------------------------


def counted(caller: Caller) -> list[dict[str, Any]]:
    answer = caller.get(f"{LOG}/counts", {"month": f"{datetime.now(UTC):%Y-%m}"})
    assert answer.status_code == 200, answer.content
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_counts_are_the_agencys_own_and_for_oversight_the_networks(
    story: Story, api: Any, superuser: Any
) -> None:
    full_story(story, api)
    api(None).get("/v1/referrals")
    own = counted(api("ywca.auditor"))
    network = counted(api("taskforce.auditor"))
    assert {item["agency_id"] for item in own} == {str(agency_id("ywca"))}
    assert {item["agency_id"] for item in network} > {str(agency_id("police")), None}
    looks = ["access_log.counts"]
    total = one(
        superuser,
        "SELECT count(*) FROM access_entry WHERE act <> ALL (%s)"
        " AND date_trunc('month', at, 'UTC') = date_trunc('month', now(), 'UTC')",
        [looks],
    )
    assert sum(item["entries"] for item in network if item["act"] not in looks) == total
    unknown = [item for item in network if item["agency_id"] is None]
    assert ("refused", "not_authenticated") in {(it["decision"], it["rule"]) for it in unknown}
    assert set(network[0]) == {"agency_id", "act", "decision", "rule", "entries"}
    for month_text in ("2026-13", "2026", "٢٠٢٦-01", ""):
        answer = api("ywca.auditor").get(f"{LOG}/counts", {"month": month_text})
        assert answer.status_code == 400


# -- The seals -------------------------------------------------------------------------------------


def test_the_seals_stand_and_are_checked_now(api: Any, superuser: Any) -> None:
    write(api, 4)
    seal()
    for who in ("ywca.auditor", "taskforce.auditor"):
        status = api(who).get(f"{LOG}/seals").json()
        assert status["newest"]["size"] == one(superuser, "SELECT count(*) FROM log_leaf")
        checked = api(who).post(f"{LOG}/seals/verify").json()
        assert checked["faults"] == []
        assert checked["entries"] > 0
        assert checked["last_seq"] == status["newest"]["seq"]
    write(api, 2)
    assert api("ywca.auditor").get(f"{LOG}/seals").json()["waiting"] >= 2


def test_a_check_goes_on_with_those_before(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from permissions.ledger import status as ledger_status

    for _ in range(3):
        write(api, 2)
        seal()
    monkeypatch.setattr(ledger_status, "MOST_ENTRIES_CHECKED", 1)
    auditor = api("ywca.auditor")
    first = auditor.post(f"{LOG}/seals/verify").json()
    assert first["first_seq"] == first["last_seq"] == first["earlier"]
    then = auditor.post(f"{LOG}/seals/verify", {"before": first["earlier"]}).json()
    assert then["last_seq"] == first["earlier"] - 1
    nothing_left = auditor.post(f"{LOG}/seals/verify", {"before": 1}).json()
    assert nothing_left["entries"] == 0
    assert nothing_left["earlier"] is None
    assert auditor.post(f"{LOG}/seals/verify", {"before": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}", "entries were changed (1)"),
        (f"DELETE FROM access_entry WHERE id = {ROW}", "entries are gone (1)"),
        ("UPDATE log_leaf SET leaf = sha256(leaf) WHERE position = %(place)s", "not those that"),
        (
            "UPDATE log_checkpoint SET body = replace(body, 'cairn/', 'Cairn/')",
            "not that of a known key",
        ),
    ],
)
def test_a_check_finds_what_the_owner_changed(
    api: Any, superuser: Any, edit: str, says: str
) -> None:
    write(api, 4)
    seal()
    place = one(superuser, "SELECT max(position) - 1 FROM log_leaf")
    auditor = api("police.auditor")
    with tampered(superuser) as cursor:
        cursor.execute(edit, {"place": place})
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        faults = auditor.post(f"{LOG}/seals/verify").json()["faults"]
    assert any(says in fault["what"] for fault in faults), faults
    assert all(fault["where"].startswith("checkpoint ") for fault in faults), "no entry's id"
    seal()
    assert auditor.post(f"{LOG}/seals/verify").json()["faults"] == []


def test_a_check_of_the_whole_ends_at_the_first_checkpoint_and_not_at_the_oldest_that_is_left(
    api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from permissions.ledger import status as ledger_status

    for _ in range(3):
        write(api, 2)
        seal()
    auditor = api("police.auditor")
    newest = one(superuser, "SELECT max(seq) FROM log_checkpoint")
    with tampered(superuser) as cursor:
        first = "(SELECT first FROM log_checkpoint WHERE seq = %(kept)s)"
        for edit in (
            f"DELETE FROM access_entry WHERE id IN (SELECT entry_id FROM log_leaf"
            f" WHERE position < {first})",
            f"DELETE FROM log_leaf WHERE position < {first}",
            "DELETE FROM log_checkpoint WHERE seq < %(kept)s",
        ):
            cursor.execute(edit, {"kept": newest - 1})
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        checked = auditor.post(f"{LOG}/seals/verify").json()
        assert checked["earlier"] is None
        missing = {
            "what": "checkpoints are missing before it",
            "where": f"checkpoint {newest - 1}",
        }
        assert missing in checked["faults"]
        # A portion is held against the one before it, too.
        cursor.execute("DELETE FROM log_checkpoint WHERE seq = %s", [newest - 1])
        cursor.execute(
            "INSERT INTO log_checkpoint SELECT seq - 1, first, first, xact_before, body, key_id,"
            " signature FROM log_checkpoint WHERE seq = %s",
            [newest],
        )
        superuser.commit()
        monkeypatch.setattr(ledger_status, "MOST_ENTRIES_CHECKED", 1)
        checked = auditor.post(f"{LOG}/seals/verify").json()
    assert checked["first_seq"] == newest
    assert "it does not follow the one before" in {one["what"] for one in checked["faults"]}


def test_a_month_that_was_retired_is_no_fault_and_one_that_was_dropped_is(
    old: Old, api: Any, superuser: Any, tmp_path: Path
) -> None:
    auditor = api("police.auditor")
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE access_entry DETACH PARTITION {old.table}")
    faults = auditor.post(f"{LOG}/seals/verify").json()["faults"]
    assert f"entries are gone ({old.entries})" in {fault["what"] for fault in faults}
    year = old.month[:4]
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE access_entry ATTACH PARTITION {old.table}"
            f" FOR VALUES FROM ('{year}-03-01T00:00:00Z') TO ('{year}-04-01T00:00:00Z')"
        )
    assert auditor.post(f"{LOG}/seals/verify").json()["faults"] == []
    retire(tmp_path, old.month)
    assert auditor.post(f"{LOG}/seals/verify").json()["faults"] == []


def test_a_check_finds_an_entry_that_was_put_in_and_names_ones_own(
    api: Any, superuser: Any
) -> None:
    write(api, 4)
    seal()
    with tampered(superuser) as cursor:
        made = put_in(cursor, "WHERE act = 'referral.list' ORDER BY xact DESC")
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        for who, named in (("ywca.auditor", True), ("police.auditor", False)):
            (fault,) = api(who).post(f"{LOG}/seals/verify").json()["faults"]
            assert fault["what"].startswith("entries were put in after their time (1")
            assert (made in fault["what"]) is named
    seal()
    assert api("ywca.auditor").post(f"{LOG}/seals/verify").json()["faults"] == []


def test_a_batch_too_large_to_be_hashed_while_one_waits_is_said_and_its_signature_checked(
    api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from permissions.ledger import status as ledger_status

    write(api, 4)
    seal()
    monkeypatch.setattr(ledger_status, "MOST_ENTRIES_HASHED", 2)
    auditor = api("ywca.auditor")
    checked = auditor.post(f"{LOG}/seals/verify").json()
    newest = one(superuser, "SELECT max(seq) FROM log_checkpoint")
    assert newest in checked["too_large"]
    assert checked["faults"] == []
    with tampered(superuser) as cursor:
        cursor.execute(
            "UPDATE log_leaf SET leaf = sha256(leaf) WHERE position ="
            " (SELECT max(position) FROM log_leaf)"
        )
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        faults = auditor.post(f"{LOG}/seals/verify").json()["faults"]
    assert "the entries are not those that were signed" in {fault["what"] for fault in faults}
    seal()


# -- An export that she checks herself -------------------------------------------------------------


def sealed_export(answer: Any, tmp_path: Path) -> Path:
    assert answer.status_code == 200, answer.content
    (tmp_path / "export").write_bytes(b"".join(answer.streaming_content))
    return tmp_path / "export"


def test_an_auditor_checks_her_own_export_with_the_verifier_and_sees_no_other_agencys_entry(
    story: Story, api: Any, superuser: Any, tmp_path: Path
) -> None:
    story.accept()
    seal()
    answer = api("ywca.auditor").get(EXPORT, {"format": "sealed"})
    assert entries_of(superuser, answer) == [("access_log.export", "allowed", None)]
    export = sealed_export(answer, tmp_path)
    told = checked(export, tmp_path / "keys", "--own")
    assert (told.returncode, "As it was sealed." in told.stdout) == (0, True), told.stdout
    assert "the leaf alone" in told.stdout
    kept = export.read_text().splitlines()
    entries = [json.loads(line[65:]) for line in kept if line[64:66] == " ["]
    assert {entry[2] for entry in entries} == {str(agency_id("ywca"))}
    count = (
        "SELECT count(*) FROM access_entry e"
        " JOIN log_leaf l ON (l.entry_id, l.entry_at) = (e.id, e.at)"
    )
    own = f"{count} WHERE agency_id = %s"
    assert len(entries) == one(superuser, own, [str(agency_id("ywca"))])
    assert str(agency_id("police")) not in export.read_text()
    assert {line[64:] for line in kept if line[:1] not in "{" and line[65] not in "[-"} == {" ~"}
    assert checked(export, tmp_path / "keys").returncode == 2, "it says that it is one agency's"
    # What the owner of the database does to her entries afterwards.
    hers = f"act = 'referral.accept' AND referral_id = '{story.id}'"
    accept = f"(SELECT id FROM access_entry WHERE {hers})"
    for edit, what in (
        (f"UPDATE access_entry SET act = 'referral.decline' WHERE id = {accept}", "was changed"),
        (f"DELETE FROM access_entry WHERE id = {accept}", "an entry is gone"),
        (
            "INSERT INTO access_entry (id, at, agency_id, act, decision, xact, leaf) SELECT"
            " gen_random_uuid(), at, agency_id, 'a.b', 'allowed', xact, leaf FROM access_entry"
            f" WHERE id = {accept}",
            "put in after its time",
        ),
    ):
        superuser.commit()
        with tampered(superuser) as cursor:
            cursor.execute(edit)
            guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
            superuser.commit()
            answer = api("ywca.auditor").get(EXPORT, {"format": "sealed"})
            told = checked(sealed_export(answer, tmp_path), tmp_path / "keys", "--own")
        assert (told.returncode, what in told.stdout) == (1, True), told.stdout
        seal()


def test_a_sealed_export_bears_a_month_that_was_retired(old: Old, api: Any, tmp_path: Path) -> None:
    retire(tmp_path, old.month)
    answer = api("police.auditor").get(EXPORT, {"format": "sealed"})
    told = checked(sealed_export(answer, tmp_path), tmp_path / "keys", "--own")
    assert told.returncode == 0, told.stdout
    assert f"RETIRED: {old.entries} entries of {old.month}" in told.stdout


def test_a_sealed_export_is_whole_and_an_auditors_and_ends_with_the_right_to_it(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(api, 8)
    seal()
    auditor = api("ywca.auditor")
    filtered = auditor.get(EXPORT, {"format": "sealed", "decision": "refused"})
    assert (filtered.status_code, filtered.json()["pointer"]) == (400, "format")
    assert api("ywca.worker").get(EXPORT, {"format": "sealed"}).status_code == 403
    monkeypatch.setattr(module_of_sealed_export, "ROWS_AT_ONCE", 4)
    answer = auditor.get(EXPORT, {"format": "sealed"})
    parts = iter(answer.streaming_content)
    assert len(next(parts).splitlines()) == 4
    with (
        turned_off("jobs", "permissions_membership", "active", member_id("ywca.auditor")),
        pytest.raises(queries.NotAuthenticated),
    ):
        list(parts)


# -- Whether anybody seals, witnesses and checks ---------------------------------------------------


def test_an_entry_that_waits_for_its_seal_for_more_than_a_minute_is_late(
    api: Any, shift_clock: Any
) -> None:
    seal()
    write(api)
    auditor = api("ywca.auditor")
    fresh = auditor.get(f"{LOG}/seals").json()
    assert fresh["waiting"] >= 1
    assert fresh["waiting_since"] is not None
    assert fresh["late"] is False
    shift_clock("61 seconds")
    assert auditor.get(f"{LOG}/seals").json()["late"] is True
    assert auditor.get(f"{LOG}/seals").json()["restored"] is False
    seal()


def test_after_a_restore_that_was_forgotten_it_is_said_that_nothing_is_sealed(
    api: Any, superuser: Any, capsys: Any
) -> None:
    """The newest checkpoint is of transactions that this server has not come to."""
    write(api)
    seal()
    last = sealer.newest_checkpoint()
    assert last is not None
    with tampered(superuser) as cursor:
        cursor.execute(
            "UPDATE log_checkpoint SET xact_before = xact_before + 1000000 WHERE seq = %s",
            [last.seq],
        )
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        write(api)
        with pytest.raises(sealer.NotRestored):
            sealer.step()
        assert worker.run_until_idle(worker.jobs_named(["seal"])) == ["seal"]
        assert api("ywca.auditor").get(f"{LOG}/seals").json()["restored"] is True
        call_command("seals", "status")
        assert "run `manage.py seals restore`" in capsys.readouterr().out
    seal()


def test_what_the_witness_holds_is_told_and_a_log_that_it_did_not_see(
    api: Any, superuser: Any, tmp_path: Path, settings: Any, shift_clock: Any
) -> None:
    settings.LOG_WITNESS_FILE = str(tmp_path / "held")
    write(api)
    seal()
    auditor = api("ywca.auditor")

    def told() -> dict[str, Any]:
        found: dict[str, Any] = auditor.get(f"{LOG}/seals").json()["witness"]
        return found

    while witness.step():
        pass
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert told()["seq"] == newest.seq
    assert (told()["forked"], told()["late"]) == (False, False)
    seal()
    shift_clock("10 minutes")
    assert told()["late"] is True, "it does not follow"
    while witness.step():
        pass
    assert told()["late"] is False
    newest = sealer.newest_checkpoint()
    assert newest is not None
    (tmp_path / "held").write_text(
        json.dumps({"body": json.dumps(newest.signed_content | {"root": "another"})}) + "\n"
    )
    with pytest.raises(witness.LedgerForked):
        witness.step()
    assert told()["forked"] is True
    (tmp_path / "held").unlink()
    while witness.step():
        pass
    assert told()["forked"] is False


def test_the_worker_checks_once_a_day_what_was_sealed_since_and_says_what_it_found(
    api: Any, superuser: Any, shift_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_check, "PORTION", 3)
    job = worker.jobs_named(["verify"])
    with superuser.cursor() as cursor:  # another test's worker may have looked, days ahead
        cursor.execute("UPDATE log_watch SET seq = 0, at = NULL, faults = 0, first_fault = NULL")

    def told() -> dict[str, Any]:
        answer = api("police.auditor").get(f"{LOG}/seals")  # each day a new sign-in
        found: dict[str, Any] = answer.json()["self_check"]
        return found

    for _ in range(3):
        write(api, 2)
        seal()
    shift_clock("2 days")
    assert worker.run_until_idle(job) == []
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert (told()["seq"], told()["faults"], told()["first_fault"]) == (newest.seq, 0, None)
    write(api, 2)
    seal()
    assert worker.run_until_idle(job) == []
    assert told()["seq"] == newest.seq, "once a day"
    shift_clock("4 days")
    newest = sealer.newest_checkpoint()
    assert newest is not None
    row = "(SELECT entry_id FROM log_leaf ORDER BY position DESC LIMIT 1)"
    put_in = (
        "INSERT INTO access_entry (id, at, agency_id, act, decision, xact, leaf) SELECT"
        " gen_random_uuid(), at, agency_id, 'a.b', 'allowed', xact, leaf FROM access_entry"
        f" WHERE id = {row}"
    )
    days = 4
    for edit, what in (
        (f"UPDATE access_entry SET act = 'x.y' WHERE id = {row}", "an entry was changed"),
        (put_in, "an entry was put in after its time"),
    ):
        superuser.commit()
        with tampered(superuser) as cursor, structlog.testing.capture_logs() as lines:
            cursor.execute(edit)
            guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
            cursor.execute("UPDATE log_watch SET seq = %s WHERE what = 'new'", [newest.seq - 2])
            superuser.commit()
            days += 2
            shift_clock(f"{days} days")
            assert worker.run_until_idle(job) == []
            assert told()["faults"] >= 1
            assert told()["first_fault"].startswith(what)
        (line, *_) = [one for one in lines if one["event"] == "log_not_as_sealed"]
        assert line["log_level"] == "error"
        assert line["error"] == what
        assert line.keys() - {"log_level"} <= ALLOWED, "or it is left out of the line"
        seal()
        days += 2
        shift_clock(f"{days} days")
        assert worker.run_until_idle(job) == []
        assert told()["faults"] >= 1, "until all of it was checked"
        call_command("seals", "verify")
        assert (told()["faults"], told()["first_fault"]) == (0, None)


def test_a_clock_that_was_ahead_for_a_while_puts_no_check_off(api: Any, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE log_watch SET seq = 0, at = sec.clock() + interval '1 year' WHERE what = 'new'"
        )
    superuser.commit()
    write(api)
    seal()
    while self_check.step():
        pass
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert one(superuser, "SELECT seq FROM log_watch WHERE what = 'new'") == newest.seq
    assert one(superuser, "SELECT at <= sec.clock() FROM log_watch WHERE what = 'new'")


def test_older_parts_are_checked_in_turn_and_around_again(
    old: Old, api: Any, superuser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month that was retired is no fault; an entry that was changed long after its day is one."""
    monkeypatch.setattr(self_check, "PORTION", 3)
    retire(tmp_path, old.month)
    seal()
    call_command("seals", "verify")
    again = "SELECT seq FROM log_watch WHERE what = 'again'"
    faults = "SELECT faults FROM log_watch WHERE what = 'new'"

    def around() -> int:
        steps = 0
        while self_check.step() or one(superuser, again):
            steps += 1
        return steps

    around()
    assert around() > 1
    assert one(superuser, faults) == 0
    first = one(superuser, "SELECT min(l.position) FROM log_leaf l JOIN access_entry e"
                " ON e.id = l.entry_id")  # fmt: skip
    superuser.commit()
    with tampered(superuser) as cursor:
        cursor.execute(f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}", {"place": first})
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        around()
        assert one(superuser, faults) == 1
    call_command("seals", "verify")
    assert one(superuser, faults) == 0


def test_filters_know_what_a_cursor_is_bound_to() -> None:
    assert Filters(act="a").scope != Filters(purpose="a").scope
