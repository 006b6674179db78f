"""What is in an export: what the lead who asked may see when it is written, and nothing that tells
another lead of it."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction

from permissions.errors import NotPermitted, NotVisible, Unavailable
from permissions.identity import credentials, row_macs
from permissions.models import Client, Membership
from referrals.bulk import exports, sealing, writing
from tests.support.ground.database import as_app, refused_for_want_of_rights
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id, principal
from tests.support.people.exports import (
    PATH,
    PUBLIC,
    SecondLead,
    ask,
    lines,
    opened,
    ready,
    second_lead,
    state,
    work,
)
from tests.support.people.stories import Story, bar

LEAD = "ywca.lead"


def exported(caller: Any, export_id: str) -> set[str]:
    return {one["id"] for one in lines(caller, export_id)}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PART", 2)


def sent(api: Any, story: Story, number: int) -> list[Story]:
    return [Story(api, story.service_id).send() for _ in range(number)]


# -- Whose they are --------------------------------------------------------------------------------


def test_it_has_what_the_list_has_at_both_sides_and_no_more(story: Story, api: Any) -> None:
    story.accept()
    Story(api, story.service_id).create()  # the sender's draft
    for who in ("police.lead", LEAD):
        caller, export_id = ready(api, who)
        items = caller.get("/v1/referrals").json()["items"]
        assert exported(caller, export_id) == {one["id"] for one in items}
    assert exported(caller, export_id) == {story.id}


@pytest.mark.parametrize("part", ["before", "between"])
def test_what_bars_the_lead_is_not_in_it(part: str, few: None, story: Story, api: Any) -> None:
    """Set before it is written, or between two of its parts."""
    made = sent(api, story, 5)
    hidden = made[0]  # the oldest: in the last part
    hidden.answers("accept")
    caller = api(LEAD)
    export_id = ask(caller)
    second_lead("ywca").confirms(export_id)
    if part == "between":
        assert writing.step() is True
    bar(api, "ywca.worker", hidden, LEAD)
    work()
    assert exported(caller, export_id) == {one.id for one in made[1:]}


def test_another_lead_is_told_nothing_of_how_much_there_is(story: Story, api: Any) -> None:
    """R3: a lead whom one of the referrals bars could count, else."""
    barred = second_lead("ywca")
    made = sent(api, story, 3)
    made[0].answers("accept")
    answer = api("ywca.worker").act(made[0].id, "block", {"member_id": str(barred.member.id)})
    assert answer.status_code == 200, answer.content

    def told() -> list[Any]:
        found = []
        lead = api(LEAD)
        export_id = ask(lead)
        for step in ("asked", "writing", "ready"):
            if step == "writing":
                barred.confirms(export_id)
            if step == "ready":
                work()
            for path in (PATH, f"{PATH}/{export_id}"):
                answer = barred.caller.get(path)
                found.append((answer.status_code, "X-Progress" in answer))
                assert '"output":null' in answer.content.decode()
            page = barred.desk.get("/desk/exports").content.decode()
            assert "so far" not in page
        part = barred.caller.get(f"{PATH}/{export_id}/parts/1")
        none = barred.caller.get(f"{PATH}/{export_id}/parts/77")
        assert part.status_code == 403
        assert part.content == none.content
        lead.delete(f"{PATH}/{export_id}")
        assert barred.caller.delete(f"{PATH}/{export_id}").status_code == 204
        return found

    with_three = told()
    for one in made[1:]:
        one.sends("withdraw", {"code": "other"})
    sent(api, story, 1)
    assert told() == with_three


# -- Whose right it is -----------------------------------------------------------------------------


def half_written(api: Any, story: Story, second: SecondLead, system: bool = False) -> str:
    sent(api, story, 5)
    caller = api("ywca.client", LEAD) if system else api(LEAD)
    export_id = ask(caller)
    second.confirms(export_id)
    assert writing.step() is True
    return export_id


def set_roles(member: Membership, roles: list[str]) -> None:
    with transaction.atomic(using="jobs"):
        one = Membership.objects.using("jobs").get(id=member.id)
        one.roles = roles
        one.save(using="jobs", update_fields=["roles"])
        row_macs.sign(one, "jobs")


@pytest.fixture
def lead_again() -> Any:
    yield
    for member_ in (
        Membership.objects.using("jobs").get(id=member_id(LEAD)),
        second_lead("ywca").member,
    ):
        roles = ["directory_editor", "lead"] if member_.id == member_id(LEAD) else ["lead"]
        set_roles(member_, roles)


@pytest.mark.parametrize("whose", ["asked", "confirmed"])
def test_it_stops_when_either_lead_is_none_any_more(
    whose: str, few: None, story: Story, api: Any, superuser: Any, lead_again: None
) -> None:
    second = second_lead("ywca")
    export_id = half_written(api, story, second)
    loses = Membership.objects.using("jobs").get(id=member_id(LEAD))
    set_roles(loses if whose == "asked" else second.member, ["worker"])
    before = rows(superuser, "SELECT count(*) FROM access_entry WHERE act = 'referral.export'")
    work()
    after = rows(superuser, "SELECT count(*) FROM access_entry WHERE act = 'referral.export'")
    assert after == before, "nothing more was read"
    assert rows(superuser, "SELECT count(*) FROM bulk_export_part") == [(0,)]
    found = rows(superuser, "SELECT end_reason FROM bulk_export WHERE id = %s", [export_id])
    assert found == [("right_ended",)]


def test_a_lead_who_is_none_any_more_loses_what_is_ready(
    story: Story, api: Any, superuser: Any, lead_again: None
) -> None:
    story.send()
    caller, export_id = ready(api, LEAD)
    set_roles(Membership.objects.using("jobs").get(id=member_id(LEAD)), ["worker"])
    again = api(LEAD).get(f"{PATH}/{export_id}/parts/1")
    assert again.status_code == 403
    assert caller.get(f"{PATH}/{export_id}/parts/1").status_code == 403
    work()
    assert rows(superuser, "SELECT count(*) FROM bulk_export_part") == [(0,)]


def test_it_stops_when_all_sign_ins_of_the_lead_are_ended(
    few: None, story: Story, api: Any
) -> None:
    export_id = half_written(api, story, second_lead("ywca"))
    person = Membership.objects.using("signin").get(id=member_id(LEAD)).person
    credentials.end_all_of_person(person)
    work()
    found = state(api(LEAD), export_id)
    assert (found["state"], found["end_reason"]) == ("ended", "right_ended")


def test_it_stops_when_the_system_that_asked_is_ended(few: None, story: Story, api: Any) -> None:
    export_id = half_written(api, story, second_lead("ywca"), system=True)
    credentials.end_all_of_client(Client.objects.get(agency_id=agency_id("ywca")))
    work()
    assert state(api(LEAD), export_id)["end_reason"] == "right_ended"


def test_a_confirmation_that_is_taken_back_stops_it(few: None, story: Story, api: Any) -> None:
    second = second_lead("ywca")
    export_id = half_written(api, story, second)
    assert second.caller.delete(f"{PATH}/{export_id}").status_code == 204
    work()
    assert state(api(LEAD), export_id)["end_reason"] == "refused"


def test_a_credential_that_the_server_did_not_write_writes_nothing_and_holds_up_no_other(
    story: Story, api: Any, superuser: Any
) -> None:
    """Who can write the database gives one export the credential of another: it is sealed for its
    own. The other export is written all the same."""
    story.accept()
    mine, other = api(LEAD), api("police.lead")
    first, second = ask(mine), ask(other)
    second_lead("ywca").confirms(first)
    second_lead("police").confirms(second)
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE bulk_export SET credential = (SELECT credential FROM bulk_export WHERE id = %s)"
            " WHERE id = %s",
            [second, first],
        )
    with pytest.raises(Unavailable):
        writing.step()
    assert state(mine, first)["state"] == "writing"
    assert state(other, second)["state"] == "ready"


# -- One entry a referral --------------------------------------------------------------------------


def test_each_referral_leaves_one_entry_of_the_lead(
    few: None, story: Story, api: Any, superuser: Any
) -> None:
    made = sent(api, story, 5)
    _caller, export_id = ready(api, LEAD)
    found = rows(
        superuser,
        "SELECT referral_id::text, act, member_id::text, decision FROM access_entry"
        " WHERE request_id = %s AND referral_id IS NOT NULL ORDER BY at",
        [export_id],
    )
    assert sorted(found) == sorted(
        (one.id, "referral.export", str(member_id(LEAD)), "allowed") for one in made
    )
    ends = "SELECT act FROM access_entry WHERE request_id = %s AND referral_id IS NULL"
    assert rows(superuser, ends, [export_id]) == [("export.finish",)]


def test_the_leads_see_who_asked_confirmed_and_ended_it(story: Story, api: Any) -> None:
    caller, export_id = ready(api, LEAD)
    caller.delete(f"{PATH}/{export_id}")
    page = second_lead("ywca").desk.get("/desk/agency/changes").content.decode()
    for words in ("Asked for an export", "Confirmed a colleague", "Ended an export"):
        assert words in page


def test_without_the_log_nothing_is_written(story: Story, api: Any, superuser: Any) -> None:
    story.accept()
    caller = api(LEAD)
    export_id = ask(caller)
    second_lead("ywca").confirms(export_id)
    # The act is no word of the log any more, as after half an upgrade.
    question = "SELECT pg_get_functiondef('sec.log_acts()'::regprocedure)"
    [(before,)] = rows(superuser, question)
    rows(superuser, before.replace('"referral.export"', '"referral.other"'))
    try:
        with pytest.raises(Unavailable):
            writing.step()
    finally:
        rows(superuser, before)
    assert state(caller, export_id)["state"] == "writing"
    assert rows(superuser, "SELECT count(*) FROM bulk_export_part") == [(0,)]
    work()
    assert exported(caller, export_id) == {story.id}


def test_a_file_is_cut_off_where_the_right_to_it_ends(
    few: None, story: Story, api: Any, superuser: Any
) -> None:
    sent(api, story, 4)
    caller, export_id = ready(api, LEAD)
    parts = exports.parts(principal(caller), UUID(export_id))
    assert len(opened(next(parts))) == 2
    second_lead("ywca").caller.delete(f"{PATH}/{export_id}")
    with pytest.raises(NotVisible):
        next(parts)


def test_an_exercise_has_no_exports(api: Any) -> None:
    practices = replace(principal(api(LEAD)), exercise_id=uuid4())
    key = sealing.read_key(PUBLIC, "/public_key")
    for act in (
        lambda: exports.list_exports(practices),
        lambda: exports.ask(practices, key),
    ):
        with pytest.raises(NotPermitted) as refused:
            act()
        assert refused.value.code == "not_in_practice"


# -- The second wall -------------------------------------------------------------------------------


def test_no_role_reads_a_part_or_a_credential_by_sql(api: Any) -> None:
    ready(api, LEAD)
    for table in ("bulk_export", "bulk_export_part"):
        with as_app(api(LEAD)) as cursor:
            assert refused_for_want_of_rights(cursor, f"SELECT id FROM {table}")
    with connections["jobs"].cursor() as cursor:
        for statement in (
            "SELECT sealed FROM bulk_export_part",
            "SELECT public_key FROM bulk_export",
            "UPDATE bulk_export SET confirmed_at = now()",
            "UPDATE bulk_export SET confirmed_by_id = asked_by_id",
        ):
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute(statement)


def test_a_part_is_stored_as_the_lead_who_asked_alone(story: Story, api: Any) -> None:
    """Another lead, another agency's, and whom the export is not of, write nothing into it."""
    story.accept()
    export_id = ask(api(LEAD))
    store = (
        "SELECT sec.store_export_part(%s, gen_random_uuid(), 1, 1, 'x', now(), gen_random_uuid(),"
        " true, now())"
    )
    callers = [api(LEAD), second_lead("ywca").caller, api("police.lead"), api("ywca.worker")]
    for caller in callers:  # it is not confirmed yet
        with as_app(caller) as cursor:
            assert refused_for_want_of_rights(cursor, store, [export_id])
    second_lead("ywca").confirms(export_id)
    for caller in callers[1:]:
        with as_app(caller) as cursor:
            assert refused_for_want_of_rights(cursor, store, [export_id])
