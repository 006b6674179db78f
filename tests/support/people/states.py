"""Every true state of a referral, how it is reached, and who may do what there."""

from typing import Any

from tests.support.people.callers import member_id
from tests.support.people.stories import PACKET, Story

# The sender's acts, by the state as it is shown it (T5).
SENDER = """
                      draft sent acknowledged accepted cannot_take withdrawn stopped expired entered_in_error closed
put_notice            ah    .    .            .        .           .         .       .       .                .
put_notice_release    ah    .    .            .        .           .         .       .       .                .
put_release           ah    ah   ah           ah       .           .         .       .       .                .
put_packet            ah    ah   ah           ah       .           .         .       .       .                .
send                  ah    .    .            .        .           .         .       .       .                .
call_me               .     h    h            h        .           .         .       .       .                .
called_back           .     ah   ah           ah       .           .         .       .       .                .
set_callback          .     ah   ah           ah       .           .         .       .       .                .
withdraw              .     ahl  ahl          ahl      .           .         .       .       .                .
revoke_release        ahl   ahl  ahl          ahl      ahl         ahl       ahl     ahl     ahl              ahl
narrow_release        ahl   ahl  ahl          ahl      ahl         ahl       ahl     ahl     ahl              ahl
revoke_return_release .     ahl  ahl          ahl      ahl         ahl       ahl     ahl     ahl              ahl
stop                  ahl   ahl  ahl          ahl      .           .         .       .       .                ahl
mark_error            ahl   ahl  ahl          ahl      .           .         .       .       .                .
assign                hl    hl   hl           hl       hl          hl        hl      hl      hl               hl
hand_over             hl    hl   hl           hl       .           .         .       .       .                .
take_over             l     l    l            l        .           .         .       .       .                .
block                 ahl   ahl  ahl          ahl      .           .         .       .       .                .
unblock               ahl   ahl  ahl          ahl      .           .         .       .       .                .
leads_only            ahl   ahl  ahl          ahl      .           .         .       .       .                .
end_leads_only        ahl   ahl  ahl          ahl      .           .         .       .       .                .
open_packet           ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
open_notes            ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
account_disclosures   ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
add_note              ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
record_attempt        ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
set_external_ref      ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
set_plan              ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
record_report         ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
record_disclosure     ah    ah   ah           ah       ah          ah        ah      ah      ah               ah
record_rights         .     ah   ah           ah       ah          ah        ah      ah      ah               ah
set_hold              .     l    l            l        l           l         l       l       l                l
end_hold              .     l    l            l        l           l         l       l       l                l
"""  # noqa: E501 (a table)

# The recipient's acts, by its true state. Before a member there has looked at it, no one is
# assigned.
RECIPIENT = """
                      sent acknowledged accepted in_handoff completed unable stopped declined withdrawn expired entered_in_error
acknowledge           wl   .            .        .          .         .      .       .        .         .       .
accept                wl   wahl         .        .          .         .      .       .        .         .       .
decline               wl   wahl         .        .          .         .      .       .        .         .       .
call_me               .    h            h        h          .         .      .       .        .         .       .
called_back           .    ah           ah       ah         .         .      .       .        .         .       .
undo_accept           .    .            h        .          .         .      .       .        .         .       .
start_handoff         .    .            h        .          .         .      .       .        .         .       .
handoff_failed        .    .            .        h          .         .      .       .        .         .       .
complete              .    .            h        h          .         .      .       .        .         .       .
unable                .    .            h        h          .         .      .       .        .         .       .
put_return_release    .    .            ah       ah         ah        ah     .       .        .         .       .
revoke_release        l    ahl          ahl      ahl        ahl       ahl    ahl     ahl      ahl       ahl     ahl
narrow_release        .    .            ahl      ahl        ahl       ahl    ahl     .        ahl       .       ahl
revoke_return_release l    ahl          ahl      ahl        ahl       ahl    ahl     ahl      ahl       ahl     ahl
stop                  .    .            ahl      ahl        .         .      .       .        .         .       .
assign                l    hl           hl       hl         hl        hl     hl      hl       hl        hl      hl
hand_over             l    hl           hl       hl         .         .      .       .        .         .       .
take_over             wl   wal          l        l          .         .      .       .        .         .       .
block                 l    ahl          ahl      ahl        .         .      .       .        .         .       .
unblock               l    ahl          ahl      ahl        .         .      .       .        .         .       .
leads_only            l    l            l        l          .         .      .       .        .         .       .
end_leads_only        l    l            l        l          .         .      .       .        .         .       .
open_packet           .    .            ah       ah         ah        ah     .       .        .         .       .
open_notes            .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
account_disclosures   .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
add_note              .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
record_attempt        .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
set_external_ref      .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
same_person_as        .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
record_report         .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
record_disclosure     .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
record_rights         .    ah           ah       ah         ah        ah     ah      ah       ah        ah      ah
set_hold              l    l            l        l          l         l      l       l        l         l       l
end_hold              l    l            l        l          l         l      l       l        l         l       l
"""  # noqa: E501 (a table)

# How each true state is reached from `sent`, by the holder of either side; `colleagues`: both put
# theirs on it, once there is a holder.
ROADS: dict[str, tuple[tuple[str, str, Any], ...]] = {
    "draft": (),
    "sent": (),
    "acknowledged": (("ywca", "acknowledge", {}),),
    "accepted": (("ywca", "accept", {}),),
    "in_handoff": (("ywca", "accept", {}), ("ywca", "start_handoff", {"mode": "phone"})),
    "completed": (("ywca", "accept", {}), ("ywca", "complete", {"outcome": "connected"})),
    "unable": (("ywca", "accept", {}), ("ywca", "unable", {"code": "other"})),
    "stopped_by_recipient": (("ywca", "accept", {}), ("ywca", "stop", {})),
    "declined": (("ywca", "acknowledge", {}), ("ywca", "decline", {"code": "other"})),
    "withdrawn": (("ywca", "accept", {}), ("police", "withdraw", {"code": "other"})),
    "stopped": (("ywca", "accept", {}), ("police", "stop", {})),
    "expired": (("ywca", "acknowledge", {}),),
    "entered_in_error": (("ywca", "accept", {}), ("police", "mark_error", {"code": "other"})),
    "closed": (("ywca", "accept", {}),),
}

# What each side is shown in it (T5). None: it sees no such referral.
SHOWN = {state: (state, state) for state in ROADS} | {
    "draft": ("draft", None),
    "in_handoff": ("accepted", "in_handoff"),
    "completed": ("accepted", "completed"),
    "unable": ("accepted", "unable"),
    "stopped_by_recipient": ("accepted", "stopped"),
    "declined": ("cannot_take", "declined"),
    "closed": ("closed", "accepted"),
}

CLOCK = {"expired": "5 hours", "closed": "8 days"}


def table(text: str) -> dict[tuple[str, str], str]:
    head, *lines = text.strip("\n").splitlines()
    states = head.split()
    cells: dict[tuple[str, str], str] = {}
    for line in lines:
        act, *whos = line.split()
        assert len(whos) == len(states), act
        cells |= {(act, state): who for state, who in zip(states, whos, strict=True)}
    return cells


CELLS = {"police": table(SENDER), "ywca": table(RECIPIENT)}


def bring(story: Story, api: Any, state: str, *, colleagues: bool) -> None:
    """A referral in `state`; its colleague is on it, or is not, on either side."""
    story.create().release(*PACKET).packet(**PACKET)
    put_on = {}
    if colleagues:
        put_on = {"police": True, "ywca": bool(ROADS[state])}
    if put_on.get("police"):
        story.sends("assign", {"member_id": str(member_id("police.worker2"))})
    if state != "draft":
        story.send()
    for number, (side, act, body) in enumerate(ROADS[state]):
        answer = api(f"{side}.worker").act(story.id, act, body)
        assert answer.status_code == 200, (act, answer.content)
        if number == 0 and put_on.get("ywca"):
            story.answers("assign", {"member_id": str(member_id("ywca.worker2"))})
