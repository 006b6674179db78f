"""Who else reads an agency's log: an oversight agency, where the agency has opted in."""

import json
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from permissions.audit import queries
from permissions.ledger import sealer
from tests.access_log.audit_reads import EXPORT, LOG, OPT_INS, clock, entries_of, lines, opt_in
from tests.support.ground.database import as_app, full_story, identify, refused, turned_off
from tests.support.people.access_log import handle, one
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.seals import (
    seal,
    write,
)
from tests.support.people.stories import Story


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
    # No other agency's part, no other reader, and no list of the agency's people.
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


def test_how_often_an_opt_in_was_read_by_is_told_to_both_and_to_no_one_else(
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
        (opt_in(days=91), "/ends_at"),
        (opt_in(days=-1), "/ends_at"),
        (opt_in(to="police"), "/to_agency_id"),
        (opt_in(to="nowhere"), "/to_agency_id"),
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
def test_no_one_but_the_administrator_opts_in(api: Any, who: str) -> None:
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
