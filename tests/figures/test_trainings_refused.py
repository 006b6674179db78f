"""Who is not shown a training, and what is not taken."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from api.http.authentication import SESSION_KEY
from directory.models import Training
from directory.trainings import trainings
from directory.trainings.trainings import Facts
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotPermitted, NotVisible, StaleMatch, TooOften
from permissions.identity.credentials import resolve_credential
from permissions.principal import Principal
from tests.figures.training_pages import (
    COORDINATOR,
    LIST,
    NEW,
    enter,
    given,
    logged,
    only_id,
    posted,
    stored,
)
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.exercises import Exercise

READ = "SELECT count(*) FROM sec.trainings(NULL, NULL, '', NULL, NULL, NULL, 9)"
COUNT = "SELECT * FROM sec.training_totals(NULL, NULL, '')"
STORE = "SELECT sec.store_training(%s, %s, %s, '2026-03-05', 'public', 'schools', 'law', 9, '')"


def as_app(sql: str, values: list[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def principal_of(pages: Pages) -> Principal:
    found = resolve_credential(pages.http.session[SESSION_KEY])
    assert found
    return found


def facts(**more: Any) -> Facts:
    told = given()
    plain = Facts(
        agency_id("police"),
        date(2026, 3, 5),
        told["audience"],
        told["sector"],
        told["topic"],
        31,
        "",
    )
    return plain._replace(**more)


@pytest.mark.parametrize(
    "who",
    ["police.worker", "police.admin", "police.auditor", "ywca.editor", "taskforce.auditor"],
)
def test_no_other_role_reads_or_keeps_one(who: str, api: Any, superuser: Any) -> None:
    enter(at_the_desk(COORDINATOR), title="Lobby eyes")
    one, before = only_id(superuser), stored(superuser)
    desk = at_the_desk(who, csrf=False)
    assert f'href="{LIST}"' not in desk.get("/desk/account").content.decode()
    for path in ("", "/new", "/print", "/file", f"/{one}", f"/{one}/delete"):
        answer = desk.get(LIST + path)
        assert answer.status_code == 403, path
        assert "Lobby eyes" not in text_of(answer.content)
    for path in (NEW, f"{LIST}/{one}", f"{LIST}/{one}/delete"):
        assert posted(desk, path).status_code == 403
    with identified_transaction(principal_of(desk)):
        assert as_app(READ) == [(0,)]
        assert as_app(COUNT) == [(0, 0)]
        assert as_app(STORE, [str(uuid4()), None, str(agency_id("police"))]) == [("hidden",)]
        assert as_app(STORE, [one, 0, str(agency_id("police"))]) == [("hidden",)]
        assert as_app("SELECT sec.delete_training(%s, 0)", [one]) == [("hidden",)]
    assert stored(superuser) == before


def test_a_lead_of_another_agency_is_answered_as_if_there_were_none(
    api: Any, superuser: Any
) -> None:
    enter(at_the_desk("police.lead"), title="Lobby eyes")
    one, before = only_id(superuser), stored(superuser)
    desk = at_the_desk("ywca.lead", csrf=False)
    nowhere = str(uuid4())
    for path in ("", "/delete"):
        there, nothing = desk.get(f"{LIST}/{one}{path}"), desk.get(f"{LIST}/{nowhere}{path}")
        assert (there.status_code, nothing.status_code) == (404, 404)
        assert posted(desk, f"{LIST}/{one}{path}").status_code == 404
    mine = str(agency_id("ywca"))
    answer = posted(desk, NEW, key=one, agency=mine)
    assert answer.status_code == 404, "an id that another agency's training has"
    answer = posted(desk, NEW)  # of the police
    assert "Please fix the following" in text_of(answer.content)
    principal = principal_of(desk)
    with pytest.raises(NotVisible):
        trainings.add(principal, uuid4(), facts())
    with pytest.raises(NotVisible):
        trainings.change(principal, UUID(one), 0, facts(agency_id=agency_id("ywca")))
    with identified_transaction(principal):
        assert as_app(READ) == [(0,)]
        assert as_app(STORE, [one, 0, mine]) == [("hidden",)]
        assert as_app("SELECT sec.delete_training(%s, 0)", [one]) == [("hidden",)]
    assert stored(superuser) == before


def test_no_lead_gives_a_training_to_another_agency(api: Any, superuser: Any) -> None:
    pages = at_the_desk("police.lead")
    enter(pages)
    principal, one = principal_of(pages), UUID(only_id(superuser))
    with pytest.raises(NotVisible):
        trainings.change(principal, one, 0, facts(agency_id=agency_id("ywca")))
    assert {row[0] for row in stored(superuser)} == {str(agency_id("police"))}


def test_a_system_and_the_servers_role_read_and_write_nothing(api: Any, superuser: Any) -> None:
    enter(at_the_desk("police.lead"))
    for acting in ("", str(member_id("police.lead"))):
        client = resolve_credential(api("police.client").secret, acting)
        assert client
        with pytest.raises(NotPermitted):
            trainings.listed(client)
        with pytest.raises(NotPermitted):
            trainings.add(client, uuid4(), facts())
        with identified_transaction(client):
            assert as_app(READ) == [(0,)]
            assert as_app(STORE, [str(uuid4()), None, str(agency_id("police"))]) == [("hidden",)]
    for role in ("app", "editor", "auditor", "jobs", "signin", "sealer"):
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            allowed = f"SELECT has_table_privilege('{role}', 'directory_training', '{right}')"
            with superuser.cursor() as cursor:
                cursor.execute(allowed)
                assert cursor.fetchone() == (False,), (role, right)
    superuser.commit()
    assert as_app(READ) == [(0,)], "no one is asking"
    assert len(stored(superuser)) == 1


def test_no_one_in_an_exercise_keeps_one(api: Any, superuser: Any) -> None:
    exercise = Exercise().begin()
    (who,) = exercise.desks
    pages = exercise.desks[who]
    assert pages.get(LIST).status_code == 403
    practicing = principal_of(pages)
    with pytest.raises(NotPermitted):
        trainings.add(practicing, uuid4(), facts(agency_id=practicing.agency_id))
    with identified_transaction(practicing):
        told = as_app(STORE, [str(uuid4()), None, str(practicing.agency_id)])
        assert told == [("hidden",)]
    names = text_of(at_the_desk(COORDINATOR).get(NEW).content)
    assert stored(superuser) == []
    assert "Choose one" in names


@pytest.mark.parametrize(
    "wrong",
    [
        {"held_on": ""},
        {"held_on": "2099-01-01"},
        {"held_on": "1999-12-31"},
        {"held_on": "31/12/2025"},
        {"sector": "nothing"},
        {"audience": ""},
        {"topic": "sex"},
        {"heads": "0"},
        {"heads": "-3"},
        {"heads": "100001"},
        {"heads": "9" * 40},
        {"heads": "many"},
        {"agency": "x"},
        {"agency": "01890000-0000-7000-8000-000000000004"},
        {"title": "x" * 121},
        {"title": "Call 406-555-0134"},
        {"title": "Call (406) 555-0134 today"},
        {"title": "Call 555 0134"},
        {"title": "Call 4065550134"},
        {"title": "Write to coordinator@example.org"},
        {"title": "a\u202eb"},
        {"key": "x"},
    ],
    ids=lambda one: "-".join(f"{name}={value[:12]}" for name, value in one.items()),
)
def test_what_is_wrong_is_said_and_nothing_is_stored(
    wrong: dict[str, str], api: Any, superuser: Any
) -> None:
    answer = at_the_desk(COORDINATOR).submit(NEW, given() | wrong)
    assert "Please fix the following" in text_of(answer.content)
    assert stored(superuser) == []


@pytest.mark.parametrize(
    "title", ["Human Trafficking 101", "2014-2015", "Day 2 of 3, room 1200-B", "HB 89 (2015)", ""]
)
def test_a_number_that_is_no_phone_number_is_a_title(title: str, api: Any, superuser: Any) -> None:
    enter(at_the_desk(COORDINATOR), title=title)
    assert [row[6] for row in stored(superuser)] == [title]


def test_the_domain_checks_without_a_form_and_the_database_without_the_domain(
    api: Any, superuser: Any
) -> None:
    principal = principal_of(at_the_desk(COORDINATOR))
    for wrong in (
        {"heads": 0},
        {"heads": Training.MOST_HEADS + 1},
        {"sector": "nothing"},
        {"audience": ""},
        {"topic": "x"},
        {"held_on": date(1999, 12, 31)},
        {"held_on": date(2099, 1, 1)},
        {"title": "x" * 121},
        {"title": "406-555-0134"},
    ):
        with pytest.raises(BadRequest):
            trainings.add(principal, uuid4(), facts(**wrong))
    for values in (
        "'public', 'schools', 'law', 0, ''",
        "'public', 'schools', 'law', 100001, ''",
        "'public', 'schools', 'Jane Roe', 9, ''",
        f"'public', 'schools', 'law', 9, '{'x' * 121}'",
    ):
        store = f"SELECT sec.store_training(gen_random_uuid(), NULL, %s, '2026-03-05', {values})"
        with pytest.raises(Exception, match="training_"), identified_transaction(principal):
            as_app(store, [str(agency_id("police"))])
    assert stored(superuser) == []


def test_a_form_without_its_token_is_refused(api: Any, superuser: Any) -> None:
    pages = at_the_desk("police.lead")
    enter(pages)
    for path in (NEW, f"{LIST}/{only_id(superuser)}", f"{LIST}/{only_id(superuser)}/delete"):
        assert posted(pages, path).status_code == 403
    assert [row[7] for row in stored(superuser)] == [0]


def test_what_goes_without_the_number_of_changes_is_stale(api: Any, superuser: Any) -> None:
    desk = at_the_desk("police.lead", csrf=False)
    principal = principal_of(desk)
    trainings.add(principal, one := uuid4(), facts())
    for seen in ("", "-1", "x", "9" * 9):
        answer = posted(desk, f"{LIST}/{one}/delete", seen=seen)
        assert answer.status_code == 302
    with pytest.raises(StaleMatch):
        trainings.change(principal, one, 7, facts(heads=8))
    assert len(stored(superuser)) == 1


def test_three_hundred_an_hour(api: Any, superuser: Any, shift_clock: Any) -> None:
    desk = at_the_desk("police.lead", csrf=False)
    principal, one = principal_of(desk), uuid4()
    for _again in range(trainings.OF_MEMBER.most):
        trainings.add(principal, one, facts())
    with pytest.raises(TooOften):
        trainings.delete(principal, one, 0)
    assert posted(desk, f"{LIST}/{one}", key=str(one)).status_code == 429
    shift_clock("61 minutes")
    trainings.delete(principal, one, 0)
    assert stored(superuser) == []
    assert logged(superuser)[-1][:3] == ("training.delete", str(one), "allowed")
