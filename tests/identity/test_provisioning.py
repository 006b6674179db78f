"""An operator sees the members of an agency, and takes from them; adds none and resets none."""

import pytest
from django.core.management import CommandError

from permissions.identity import credentials
from permissions.models import Membership
from tests.identity.operators import add, member
from tests.identity.operators import agency as agency  # a fixture
from tests.identity.operators import worker as worker  # a fixture
from tests.support.people.callers import Caller, agency_id


@pytest.mark.parametrize("name", ["", " ", "Zo\udce9", "N\x00", "New ", "N" * 201])
def test_a_name_that_cannot_be_kept_leaves_no_agency(name):
    with pytest.raises(
        CommandError, match=r"name must (be one line of plain text|have at most 200 characters)"
    ):
        add("agency", "--name", name, "--kind", "legal")


def test_the_operator_adds_no_one_and_resets_no_one(agency, worker):
    found, _ = worker
    name = found.person.username
    for words in (("add", name), ("reset", name), ("return", name)):
        with pytest.raises(CommandError, match=r"There is no `\w+` any more"):
            member(*words)


def test_roles_are_taken_and_those_end_at_once_but_none_is_given(worker, agency):
    found, caller = worker
    name = found.person.username
    with pytest.raises(CommandError, match="administrator gives them"):
        member("roles", name, "--agency", agency, "--role", "lead", "--role", "agency_admin")
    assert credentials.resolve_credential(caller.secret) is not None
    told = member("roles", name, "--agency", agency, "--role", "worker")
    assert told == f"member {found.id}: worker\n"
    assert credentials.resolve_credential(caller.secret) is None, "they sign in with what is left"
    with pytest.raises(CommandError, match="excludes"):
        member("roles", name, "--agency", agency, "--role", "auditor", "--role", "lead")
    with pytest.raises(CommandError, match="not a member of the agency"):
        member("roles", name, "--agency", str(agency_id("ywca")), "--role", "lead")


@pytest.mark.parametrize("everywhere", [True, False])
def test_whoever_leaves_is_out_at_once(worker, agency, everywhere):
    found, caller = worker
    words = (found.person.username, *([] if everywhere else ["--agency", agency]))
    member("end", *words)
    assert caller.get("/v1/referrals").status_code == 401
    assert "(ended)" in member("show", found.person.username)
    again = Membership.objects.using("signin").get(id=found.id)
    secret = credentials.open_for_member(again)
    assert Caller("new", secret).get("/v1/referrals").status_code == 401


def test_show_names_her_agencies_or_an_agencys_people(worker, agency):
    found, _ = worker
    for words in ((found.person.username,), ("--agency", agency)):
        said = member("show", *words)
        assert f"{found.person.username}  New Example  lead,worker  member {found.id}" in said
        assert "(ended)" not in said
    for words in ((), (found.person.username, "--agency", agency)):
        with pytest.raises(CommandError, match="Name either a member, or an agency"):
            member("show", *words)
    for what in ("show", "end"):
        with pytest.raises(CommandError, match="No one has this user name"):
            member(what, "nobody.at.all")


def test_wrong_words_are_named():
    words = ("--name", "Nowhere", "--kind", "legal", "--time-zone", "Mars/Olympus")
    with pytest.raises(CommandError, match="America/Denver"):
        add("agency", *words)
