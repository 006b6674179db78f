"""What an attacker tries at the survivor's page, and what they get: an old session, a glance, a
slip that was found, a device of the staff's, a hand in the database. Guesses: test_guesses.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from referrals.slip import code_and_word
from tests.slip.scene import WORD, WRONG, Survivor, end_slip, entries, give, opens
from tests.slip.scene import no_count_stays as no_count_stays  # a fixture
from tests.slip.scene import shared as shared  # a fixture
from tests.slip.scene import survivor as survivor  # a fixture
from tests.support.ground.races import OPENING, Race, act
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.stories import PACKET, Story

# -- An old session, a form that is sent again -----------------------------------------------------


def test_a_session_that_was_left_is_gone_from_the_browser(survivor: Survivor) -> None:
    assert survivor.gets_in()
    assert survivor.http.submit("/slip/open", follow=False)["Location"] == "/slip?said=left"
    assert survivor.http.get("/slip/open")["Location"] == "/slip"


def test_quick_exit_takes_the_session(survivor: Survivor) -> None:
    assert survivor.gets_in()
    answer = survivor.http.submit("/slip/open", action="/leave", follow=False)
    assert '"cookies"' in answer["Clear-Site-Data"]
    assert answer.cookies[settings.SLIP_COOKIE_NAME].value == ""


@pytest.mark.parametrize("change", ["shorter", "other", "of another kind"])
def test_a_session_is_not_made_up(survivor: Survivor, change: str) -> None:
    assert survivor.gets_in()
    kept = survivor.kept
    made = {"shorter": kept[:-2], "other": kept[:-2] + "00", "of another kind": "no hex"}[change]
    survivor.http.http.cookies[settings.SLIP_COOKIE_NAME] = made
    if made != kept:
        assert survivor.http.get("/slip/open")["Location"] == "/slip?said=over"


def test_a_form_that_is_sent_again_does_nothing(
    survivor: Survivor, shared: Story, superuser: Any
) -> None:
    assert survivor.gets_in()
    form = survivor.http.hidden("/slip/open/less") | {"stop": ["name"]}
    assert survivor.http.http.post("/slip/open/less", form).status_code == 302
    survivor.ends()
    shared.release("name").packet(name=PACKET["name"])
    events = "SELECT act FROM referral_event WHERE referral_id = %s AND act LIKE %s"
    before = rows(superuser, events, [shared.id, "%survivor"])
    assert len(before) == 2
    answer = survivor.http.http.post("/slip/open/less", form)
    assert answer.status_code in (302, 400)
    assert opens(shared) == {"name": PACKET["name"]}, "an old form closes no newer permission"
    assert rows(superuser, events, [shared.id, "%survivor"]) == before


def test_a_form_of_another_site_does_nothing(survivor: Survivor, shared: Story) -> None:
    assert survivor.gets_in()
    assert survivor.http.http.post("/slip/open/end").status_code == 403
    assert opens(shared) == PACKET


# -- A glance, a slip that was found ---------------------------------------------------------------


@pytest.mark.parametrize("word", ["", " ", "heron", "password", "Heron by the river bank"])
def test_a_found_slip_opens_nothing_without_the_word(survivor: Survivor, word: str) -> None:
    body = {"code": survivor.code, "word": word}
    answer = survivor.http.submit("/slip", body, follow=False)
    assert answer["Location"] == "/slip?said=no"
    assert survivor.http.get("/slip/open")["Location"] == "/slip"


def test_the_slip_names_no_one_and_no_referral(shared: Story) -> None:
    desk = at_the_desk("police.worker")
    path = f"/desk/referrals/{shared.id}/slip"
    desk.submit(path, {"asked": "on", "word": WORD, "again": WORD}, follow=False)
    page = desk.get(f"{path}/print").content.decode()
    paper = text_of(page[page.index("<article") : page.index("</article>")])
    reference = shared.api("police.worker").get(f"/v1/referrals/{shared.id}").json()["reference"]
    for word in ("Demo", "Cairn", "survivor", "victim", "referral", reference, WORD):
        assert word.lower() not in paper.lower().replace("rio", ""), word
    assert "Su " in paper, "in both languages"


def test_neither_code_nor_word_is_stored_or_logged(
    survivor: Survivor, superuser: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert survivor.gets_in()
    survivor.enters(word=WRONG)
    survivor.ends()
    kept = str(rows(superuser, "SELECT s::text FROM survivor_slip s"))
    kept += str(rows(superuser, "SELECT e::text FROM access_entry e WHERE act LIKE 'slip.%'"))
    kept += str(rows(superuser, "SELECT e::text FROM referral_event e"))
    said = capfd.readouterr()
    plain = survivor.code.replace("-", "")
    for secret in (survivor.code, plain, WORD, WRONG):
        assert secret not in kept
        assert secret.encode().hex() not in kept
        assert secret not in said.err + said.out


def test_no_entry_has_an_address(survivor: Survivor, superuser: Any) -> None:
    survivor.enters(word=WRONG)
    assert survivor.gets_in()
    survivor.page()
    survivor.ends()
    at_the_desk("ywca.worker").get("/slip")
    acts = ("slip.enter", "slip.visit", "slip.end", "slip.narrow")
    for one in acts:
        assert {entry[-1] for entry in entries(superuser, one)} <= {None}, one


# -- Staff -----------------------------------------------------------------------------------------

CAST = (
    *("police.worker", "police.lead", "police.admin", "police.auditor", "ywca.worker"),
    *("ywca.lead", "outsider.worker", "taskforce.coordinator"),
)


@pytest.mark.parametrize("who", CAST)
def test_a_device_on_which_a_member_is_signed_in_is_refused_and_logged(
    survivor: Survivor, shared: Story, superuser: Any, who: str
) -> None:
    before = entries(superuser, "slip.enter")
    desk = at_the_desk(who)
    token = desk.get("/slip")
    assert token.status_code == 403
    assert "Not on this device" in text_of(token.content)
    desk.get("/slip/open")
    form = {"code": survivor.code, "word": WORD}
    unchecked = at_the_desk(who, csrf=False)
    assert unchecked.http.post("/slip", form).status_code == 403
    agency = who.partition(".")[0]
    found = [tuple(map(str, one[:5])) for one in entries(superuser, "slip.enter")[len(before) :]]
    theirs = ("refused", "staff_device", str(agency_id(agency)), str(member_id(who)))
    about = shared.id if agency in ("police", "ywca") else "None"
    assert found == [(*theirs, "None"), (*theirs, "None"), (*theirs, about)]
    assert opens(shared) == PACKET


def test_a_visit_goes_on_in_no_staff_session(survivor: Survivor, shared: Story) -> None:
    assert survivor.gets_in()
    desk = at_the_desk("ywca.worker", csrf=False)
    desk.http.cookies[settings.SLIP_COOKIE_NAME] = survivor.kept
    for path in ("/slip/open", "/slip/open/end", "/slip/open/less"):
        assert desk.http.get(path).status_code == 403
        assert desk.http.post(path).status_code == 403
    assert opens(shared) == PACKET


def test_one_who_signed_out_is_no_staff_device(survivor: Survivor) -> None:
    """No one can know who it is: the slip says so."""
    desk = at_the_desk("police.worker")
    desk.submit("/desk/", action="/leave", follow=False)
    assert Survivor(survivor.code, http=Pages(desk.http)).gets_in()


# -- A hand in the database ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "word_hash = %(word)s",
        "code_hash = %(code)s",
        "ends_at = ends_at + interval '1 day'",
        "given_at = given_at + interval '1 day'",
        "version = version + 1",
        "agency_id = (SELECT to_agency_id FROM referral f WHERE f.id = referral_id)",
    ],
)
def test_a_row_that_was_changed_lets_no_one_in(
    survivor: Survivor, shared: Story, superuser: Any, change: str
) -> None:
    code = code_and_word.new_code()
    values = {
        "word": code_and_word.hash_word(WRONG),
        "code": code_and_word.hash_code(code),
    }
    rows(superuser, f"UPDATE survivor_slip SET {change}", values)
    attacker = Survivor(code if "code" in change else survivor.code)
    word = WRONG if "word" in change else WORD
    assert attacker.enters(word=word).status_code == 503
    assert opens(shared) == PACKET


@pytest.mark.parametrize("ending", ["end", "another slip"])
def test_an_older_copy_of_the_row_lets_no_one_in(
    survivor: Survivor, shared: Story, superuser: Any, ending: str
) -> None:
    assert survivor.gets_in()
    rows(superuser, "CREATE TEMP TABLE older_slip AS TABLE survivor_slip")
    try:
        if ending == "end":
            end_slip(shared)
        else:
            give(shared, word=WRONG)
        rows(superuser, "DELETE FROM survivor_slip")
        rows(superuser, "INSERT INTO survivor_slip TABLE older_slip")
        assert survivor.enters().status_code == 503
        assert survivor.http.get("/slip/open").status_code == 503
    finally:
        rows(superuser, "DROP TABLE older_slip")
    assert opens(shared) == PACKET


# -- At once ---------------------------------------------------------------------------------------


def _ending(survivor: Survivor) -> Callable[[], Any]:
    form = survivor.http.hidden("/slip/open/end")
    return lambda: survivor.http.http.post("/slip/open/end", form)


def test_an_opening_under_way_commits_before_the_end_does(
    race: Race, survivor: Survivor, shared: Story, api: Any
) -> None:
    assert survivor.gets_in()
    end, read = _ending(survivor), act(api, "ywca.worker", shared, "open_packet")
    with race.held(OPENING):
        reading = race.start_and_wait(read)
        ended = race.start_and_wait(end)
    assert reading.result(SOON).json()["packet"] == PACKET
    assert ended.result(SOON).status_code == 302
    assert opens(shared) == "sealed"


def test_a_reader_that_comes_while_the_survivor_ends_it_gets_nothing(
    race: Race, survivor: Survivor, shared: Story, api: Any
) -> None:
    assert survivor.gets_in()
    end, read = _ending(survivor), act(api, "ywca.worker", shared, "open_packet")
    with race.held("LOCK TABLE referral_event IN ACCESS EXCLUSIVE MODE"):
        ended = race.start_and_wait(end)
        reading = race.start_and_wait(read)
    assert ended.result(SOON).status_code == 302
    answer = reading.result(SOON)
    assert (answer.status_code, answer.json()["code"]) == (409, "sealed")


def test_two_ends_at_once_are_one(
    race: Race, survivor: Survivor, shared: Story, superuser: Any
) -> None:
    other = Survivor(survivor.code)
    assert survivor.gets_in()
    assert other.gets_in()
    first, second = _ending(survivor), _ending(other)
    with race.row(shared):
        futures = [race.start_and_wait(first), race.start_and_wait(second)]
    assert [one.result(SOON).status_code for one in futures] == [302, 302]
    events = "SELECT count(*)::int FROM referral_event WHERE referral_id = %s AND act = %s"
    assert rows(superuser, events, [shared.id, "end_by_survivor"]) == [(1,)]


def test_the_survivor_and_the_worker_end_it_at_once(
    race: Race, survivor: Survivor, shared: Story, api: Any
) -> None:
    assert survivor.gets_in()
    end, revoke = _ending(survivor), act(api, "police.worker", shared, "revoke_release")
    with race.row(shared):
        futures = [race.start_and_wait(end), race.start_and_wait(revoke)]
    assert [one.result(SOON).status_code for one in futures] == [302, 200]
    assert opens(shared) == "sealed"


def test_an_assignment_at_once_is_not_lost(
    race: Race, survivor: Survivor, shared: Story, api: Any
) -> None:
    """Both change the server's record of who may open what."""
    assert survivor.gets_in()
    advocate, body = api("ywca.worker"), {"member_id": str(member_id("ywca.worker2"))}
    end = _ending(survivor)
    with race.row(shared):
        assigned = race.start_and_wait(lambda: advocate.act(shared.id, "assign", body))
        ended = race.start_and_wait(end)
    assert assigned.result(SOON).status_code == 200
    assert ended.result(SOON).status_code == 302
    shared.release(*PACKET).packet(**PACKET)
    assert opens(shared, "ywca.worker2") == PACKET


def test_an_end_that_was_cut_off_has_done_nothing_and_can_be_repeated(
    race: Race, survivor: Survivor, shared: Story, superuser: Any
) -> None:
    assert survivor.gets_in()
    end = _ending(survivor)
    with race.held("LOCK TABLE referral_event IN ACCESS EXCLUSIVE MODE"):
        ended = race.start_and_wait(end)
        rows(
            superuser,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))",
        )
        with pytest.raises(AssertionError):  # the test client tells of a connection that is gone
            assert ended.result(SOON).status_code == 302
    assert opens(shared) == PACKET
    assert survivor.ends().status_code == 302
    assert opens(shared) == "sealed"
