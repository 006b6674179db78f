"""What the operator changes of an agency, or tries to: an entry, and a message to its leads and
administrators."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from permissions.models import Client
from referrals.notifications import message_texts
from tests.desk.own_people import Own, has_contact, messages_to
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import work
from tests.support.people.own_systems import added, pair
from tests.support.people.own_systems import as_before as as_before  # a fixture

TOLD = ("mail", "operator_act")
CHANGES = "/desk/agency/changes"


@pytest.fixture
def people(make_own: Any, superuser: Any) -> dict[str, Own]:
    """A lead, an administrator and a worker, each with a contact of their own."""
    found = {}
    for role in ("lead", "agency_admin", "worker"):
        found[role] = make_own(roles=(role,))
        has_contact(superuser, found[role], "mail", f"{role}@own.invalid")
    return found


@pytest.fixture
def system(as_before: None) -> Client:
    """A system of the same agency, with a quota of 100."""
    return added(at_the_desk("ywca.admin"), pair())


def type_in(*words: str) -> None:
    call_command(*words, stdout=StringIO())


def told(superuser: Any, people: dict[str, Own]) -> set[str]:
    return {
        role for role, one in people.items() if TOLD in messages_to(superuser, one["member_id"])
    }


def last_entry(superuser: Any, key: str = "ywca") -> tuple[Any, ...]:
    question = (
        "SELECT act, decision, rule FROM access_entry WHERE agency_id = %s AND request_id IS NULL"
        " ORDER BY xact DESC LIMIT 1"
    )
    ((act, decision, rule),) = rows(superuser, question, [str(agency_id(key))])
    return act, decision, rule


def refused_tries(own: Own, system: Client) -> dict[tuple[str, ...], str]:
    """What an operator may not do to the agency or the member, and the act of its entry."""
    ywca, name = str(agency_id("ywca")), own["username"]
    return {
        ("member", "add", name, "--agency", ywca, "--role", "lead"): "member.add",
        ("member", "reset", name): "member.reset",
        ("member", "return", "--agency", ywca, name): "member.return",
        ("member", "return", f"--agency={ywca}"): "member.return",
        ("client", "add", "--agency", ywca, "--client-id", "x", "--keys", "k"): "client.add",
        ("client", "keys", "demo-ywca", "--keys", "keys.json"): "client.change_keys",
        ("client", "networks", "demo-ywca"): "client.change_networks",
        ("client", "return", "demo-ywca"): "client.return",
        ("client", "quota", system.client_id, "101"): "client.change_budget",
        ("member", "roles", name, "--agency", ywca, "--role", "agency_admin"): (
            "member.change_roles"
        ),
        ("agency", "invite", ywca, "--name", "New Example", "--mail", "n@n.invalid"): (
            "member.invite"
        ),
        ("agency", "set", ywca, "--registered-number", "406-555-0140"): "agency.change",
        ("agency", "set", ywca, "--outside-reviewer", str(own["member_id"])): "agency.change",
        ("agency", "confirm", ywca, "--list", "00000000"): "agency.confirm",
    }


@pytest.mark.parametrize("number", range(14))
def test_a_refused_try_is_an_entry_and_a_message(
    people: dict[str, Own], superuser: Any, system: Client, number: int
) -> None:
    tries = refused_tries(people["worker"], system)
    assert len(tries) == 14
    words, act = list(tries.items())[number]
    with pytest.raises(CommandError):
        type_in(*words)
    entered, decision, rule = last_entry(superuser)
    assert (entered, decision) == (act, "refused"), words
    assert rule in ("not_operators", "invalid")
    assert {"lead", "agency_admin"} <= told(superuser, people), words
    page = text_of(at_the_desk("ywca.lead").get(CHANGES).content)
    assert "Network operator" in page
    assert "Tried, and refused" in page


def test_a_verb_that_names_no_one_is_an_entry_of_the_network(superuser: Any) -> None:
    with pytest.raises(CommandError, match="There is no `reset` any more"):
        type_in("member", "reset", "no.one.of.this.name")
    found = rows(
        superuser,
        "SELECT decision, rule FROM access_entry WHERE agency_id IS NULL AND act = 'member.reset'"
        " ORDER BY xact DESC LIMIT 1",
    )
    assert found == [("refused", "not_operators")]


def test_a_change_is_told_to_whom_it_concerned_too(people: dict[str, Own], superuser: Any) -> None:
    """The only administrator, whom the operator ends first, still learns of it."""
    ywca = str(agency_id("ywca"))
    type_in("member", "end", people["agency_admin"]["username"], "--agency", ywca)
    assert last_entry(superuser) == ("member.end", "allowed", None)
    assert told(superuser, people) == {"lead", "agency_admin"}, "and no worker"


def test_each_change_is_told(people: dict[str, Own], superuser: Any, system: Client) -> None:
    ywca = str(agency_id("ywca"))
    for words in (
        ("client", "quota", system.client_id, "9"),
        ("client", "end", system.client_id),
        ("agency", "set", ywca, "--retention-days", "31"),
        ("deadlines", "set", ywca, "--urgent", "30,60,240,480"),
    ):
        with superuser.cursor() as cursor:
            cursor.execute("DELETE FROM message")
        type_in(*words)
        assert last_entry(superuser)[1] == "allowed"
        assert told(superuser, people) == {"lead", "agency_admin"}, words


def test_what_happens_within_a_minute_is_one_message_and_the_next_comes_later(
    people: dict[str, Own], superuser: Any, mails: Any, shift_clock: Any
) -> None:
    def act() -> None:
        with pytest.raises(CommandError):
            type_in("member", "reset", people["worker"]["username"])

    def arrived() -> int:
        work()
        found = [mail for to, mail in mails.received if to == "lead@own.invalid"]
        mails.received.clear()
        for mail in found:
            assert "Cairn's operator" in str(mail.get_payload())
            assert people["worker"]["username"] not in str(mail)
        return len(found)

    for _ in range(5):
        act()
    assert arrived() == 0, "it waits for what else comes within the minute"
    shift_clock("61 seconds")
    assert arrived() == 1
    act()
    shift_clock("2 minutes")
    assert arrived() == 0, "at most one in five minutes"
    shift_clock("7 minutes")
    assert arrived() == 1, "and none is lost"


def test_a_call_is_made_only_where_nothing_else_reaches_them(make_own: Any, superuser: Any) -> None:
    lead = make_own(roles=("lead",))
    has_contact(superuser, lead, "voice", "+14065550161")
    has_contact(superuser, lead, "sms", "+14065550162")
    has_contact(superuser, lead, "mail", "stranger@own.invalid", proven=False)
    with pytest.raises(CommandError):
        type_in("client", "return", "demo-ywca")
    assert messages_to(superuser, lead["member_id"]) == [("sms", "operator_act")]


def test_the_message_names_no_one_in_either_language() -> None:
    for language in ("en", "es"):
        words = message_texts.text("operator_act", language, "AGENCY")
        assert words.isascii()
        assert "Cairn" in words
