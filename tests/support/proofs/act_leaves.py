"""What each act leaves: the rows that change, its event, its entry, and who is notified."""

from collections import Counter
from typing import Any, NamedTuple

import pytest

from referrals.deadlines import overdue
from referrals.notifications import escalation, triggers
from tests.support.ground.stored_rows import content_rows, counts
from tests.support.people.callers import agency_id, member_id
from tests.support.people.notifications import DUTY, PEOPLE, keep
from tests.support.people.states import CELLS, CLOCK, ROADS, SHOWN, bring
from tests.support.people.stories import PACKET, Story
from tests.support.proofs import routes

# Tables that change (`?`: depends on what was there), whether there is an event, and who is
# notified, with which text (referrals/notifications/message_texts.py). The other side is never
# notified of a draft.
LEAVES = """
police put_notice            event referral
police put_notice_release    event closing? referral release release_paper release_end?
police put_release           event closing bound_access referral release release_paper release_end? packet_grant? private_key? > ywca changed
police put_packet            event closing? referral packet_field packet_grant private_key? > ywca changed
police send                  event referral packet_grant agreement_tally count_line counted_referral > ywca notice
police call_me               event referral > ywca call_me
police called_back           -
police set_callback          event referral > ywca changed
police withdraw              event closing bound_access referral packet_grant? count_line? > ywca taken_back
police revoke_release        event closing bound_access referral release release_end packet_grant? > ywca changed
police narrow_release        event closing bound_access referral release release_end packet_grant? > ywca changed
police revoke_return_release event closing bound_access
police stop                  event closing bound_access referral packet_grant? count_line? > ywca stop
police mark_error            event closing bound_access referral packet_grant? count_line? counted_referral? > ywca taken_back > ywca review > police review
police assign                event bound_access referral_assignment > police assigned
police hand_over             event closing bound_access referral_assignment referral_side > police assigned
police take_over             event closing? bound_access? referral_assignment referral_side self_assignment > police review
police block                 event closing bound_access conflict_block referral? referral_side? count_line? counted_referral? > police take_over? > police review?
police unblock               -
police leads_only            event closing bound_access conflict_block referral? referral_side? count_line? counted_referral? > ywca take_over?
police end_leads_only        -
police open_packet           -
police open_notes            -
police account_disclosures   -
police add_note              event note private_key?
police record_attempt        event note private_key?
police set_external_ref      event note private_key? record_number referral_side
police set_plan              event referral_side referral_plan
police record_report         event note private_key?
police record_disclosure     event note private_key?
police record_rights         event note private_key? referral_side rights_mark
police set_hold              event referral_side
police end_hold              -
ywca   acknowledge           event closing? bound_access referral referral_side referral_assignment count_line > police answered
ywca   accept                event closing? bound_access referral referral_side referral_assignment? packet_grant count_line > police answered
ywca   undo_accept           event closing bound_access referral referral_side referral_assignment? packet_grant count_line > police accept_undone
ywca   decline               event closing bound_access referral referral_side? referral_assignment? packet_grant count_line > police answered
ywca   call_me               event referral > police call_me
ywca   called_back           -
ywca   start_handoff         event referral_side note private_key
ywca   handoff_failed        event referral_side
ywca   complete              event closing referral_side note private_key? count_line
ywca   unable                event closing referral_side note private_key? count_line
ywca   put_return_release    event closing bound_access referral_side release release_paper returned?
ywca   revoke_release        event closing bound_access referral release release_end packet_grant? referral_side?
ywca   narrow_release        event closing bound_access referral release release_end packet_grant? referral_side?
ywca   revoke_return_release event closing bound_access
ywca   stop                  event closing bound_access referral_side packet_grant count_line
ywca   assign                event bound_access referral_assignment referral_side? > ywca assigned
ywca   hand_over             event closing bound_access referral_assignment referral_side > ywca assigned
ywca   take_over             event closing? bound_access? referral_assignment referral_side self_assignment? > ywca review?
ywca   block                 event closing bound_access conflict_block referral? referral_side? count_line? counted_referral? > ywca take_over? > ywca review?
ywca   unblock               -
ywca   leads_only            event closing bound_access conflict_block referral? referral_side? count_line? counted_referral? > ywca take_over? > ywca review?
ywca   end_leads_only        -
ywca   open_packet           -
ywca   open_notes            -
ywca   account_disclosures   -
ywca   add_note              event note private_key?
ywca   record_attempt        event note private_key? referral_side?
ywca   set_external_ref      event note private_key? record_number referral_side
ywca   same_person_as        event note
ywca   record_report         event note private_key?
ywca   record_disclosure     event note private_key?
ywca   record_rights         event note private_key? referral_side rights_mark
ywca   set_hold              event referral_side
ywca   end_hold              -
"""  # noqa: E501 (a table)

# Allowed by the state, and not possible as it stands: there is nothing to end, or to say it of.
# A refusal with this code, and nothing else.
NOT_SO = {
    "revoke_return_release": "no_release",
    "same_person_as": "open_both_first",
    "put_packet": "no_release",
    "narrow_release": "no_release",
    "revoke_release": "no_release",
    "open_packet": "sealed",
    "put_return_release": "expired",  # signed a week ago, where the clock is there
}

# These acts write a second entry, for the notes that they read.
READS_NOTES = frozenset({"account_disclosures", "put_return_release"})


class Row(NamedTuple):
    event: bool
    always: frozenset[str]
    perhaps: frozenset[str]
    told: frozenset[tuple[str, str]]
    perhaps_told: frozenset[tuple[str, str]]


def table(text: str) -> dict[tuple[str, str], Row]:
    found = {}
    for line in text.strip().splitlines():
        (side, act, *changes), *told = [part.split() for part in line.split(">")]
        names = [name for name in changes if name not in ("event", "-")]
        found[side, act] = Row(
            "event" in changes,
            frozenset(name for name in names if not name.endswith("?")),
            frozenset(name[:-1] for name in names if name.endswith("?")),
            frozenset((who, what) for who, what in told if not what.endswith("?")),
            frozenset((who, what[:-1]) for who, what in told if what.endswith("?")),
        )
    return found


ROWS = table(LEAVES)


class Cell(NamedTuple):
    side: str
    act: str
    state: str  # the true one
    letter: str


def cells(side: str, act: str) -> list[Cell]:
    """The allowed ones of an act."""
    found = []
    for state, shown in SHOWN.items():
        word = shown[0 if side == "police" else 1]
        who = CELLS[side].get((act, word or ""), ".").strip(".")
        found += [Cell(side, act, state, letter) for letter in who]
    return found


@pytest.fixture
def everybody_keeps_a_channel(api: Any) -> None:
    for who, number in PEOPLE.items():
        keep(api, who, "sms", number)
    for key, address in DUTY.items():
        keep(api, f"{key}.admin", "mail", address, use="duty")


def tell() -> None:
    while escalation.step() or triggers.step():
        pass


def told(superuser: Any, referral: str) -> Counter[tuple[str, str]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT agency_id::text, template FROM message WHERE referral_id = %s", [referral]
        )
        names = {str(agency_id(key)): key for key in ("police", "ywca")}
        return Counter((names[agency], template) for agency, template in cursor.fetchall())


def delivered(superuser: Any, referral: str) -> None:
    """What was queued so far has gone out, long enough ago that nothing more waits for it."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE message SET state = 'sent', outcome = 'handed_over',"
            " done_at = sec.clock() - interval '2 hours'"
            " WHERE referral_id = %s AND state = 'waiting'",
            [referral],
        )


def body_of(cell: Cell) -> Any:
    side, act = cell.side, cell.act
    if act in ("assign", "hand_over"):
        other = "admin" if cell.letter == "a" else "worker2"
        return {"member_id": str(member_id(f"{side}.{other}"))}
    if act in ("block", "unblock"):
        return {"member_id": str(member_id(f"{side}.admin"))}
    return routes.body_for(f"/{act}")


def rows_of(story: Story, superuser: Any) -> dict[str, list[str]]:
    """What names the referral, table by table."""
    return {
        name: [row for row in text.splitlines() if story.id in row]
        for name, text in content_rows(superuser).items()
    }


def left(cell: Cell, story: Story, api: Any, superuser: Any) -> list[Any]:
    """What is not as the row says: empty, if all of it is."""
    row = ROWS[cell.side, cell.act]
    held = cell.side == "police" or bool(ROADS[cell.state])
    short = {"h": "worker", "l": "lead", "a": "worker2", "w": "worker2" if held else "worker"}
    caller = api(f"{cell.side}.{short[cell.letter]}")
    delivered(superuser, story.id)
    before, (events, entries) = content_rows(superuser), counts(superuser, story.id)
    rung = told(superuser, story.id)
    answer = caller.act(story.id, cell.act, body_of(cell))
    after, (events_now, entries_now) = content_rows(superuser), counts(superuser, story.id)
    changed = {name for name in after if after[name] != before[name]} - {"referral_event"}
    tell()
    new = set(told(superuser, story.id) - rung)
    if answer.status_code == 409 and answer.json()["code"] == NOT_SO.get(cell.act):
        row = Row(False, *[frozenset()] * 4)
    elif answer.status_code not in (200, 201):
        return [(answer.status_code, answer.json().get("code"))]
    wrong: list[Any] = []
    if events_now - events != row.event:
        wrong.append(("events", events_now - events))
    reads_notes = cell.act in READS_NOTES and answer.status_code < 400
    if entries_now - entries != 1 + reads_notes:
        wrong.append(("entries", entries_now - entries))
    if not row.always <= changed <= row.always | row.perhaps:
        wrong.append(("changed", sorted(changed)))
    of_a_draft = cell.state == "draft" and cell.act != "send"
    expected = {one for one in row.told if one[0] == "police" or not of_a_draft}
    if not expected <= new <= expected | row.perhaps_told:
        wrong.append(("told", sorted(new)))
    return wrong


def leaves_what_its_row_names(
    tried: list[Cell], story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    """Try each of these cells next to another referral of the same two agencies, and check that
    nothing else changes."""
    wrong: list[Any] = []
    # Between the same two agencies, with the same people: nothing of it may change.
    other = Story(api, story.service_id).accept().release(*PACKET).packet(**PACKET)
    other.answers("add_note", {"text": "ours"}).sends("add_note", {"text": "theirs"})
    for cell in tried:
        one = Story(api, story.service_id)
        bring(one, api, cell.state, colleagues=cell.letter == "a")
        shift_clock(CLOCK.get(cell.state, "0"))
        if cell.state == "expired":
            assert overdue.mark_all_missed()["expires_at"] >= 1
        tell()
        before = rows_of(other, superuser)
        found = left(cell, one, api, superuser)
        wrong += [(*cell, *each) for each in found]
        shift_clock("0")
        assert rows_of(other, superuser) == before, cell
    assert not wrong, "\n".join(map(str, wrong))
