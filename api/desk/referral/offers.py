"""What can be done with a referral now, as buttons: one main act, what may be chosen instead of it,
and everything else by task in one menu."""

from collections.abc import Collection
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from api.desk.times import clock_time
from referrals.act_registry.registry import ACTS, Group
from referrals.act_registry.transitions import is_unheld
from referrals.queries.details import Detail

# The order of the acts in the menu. An act that is not named here comes after those that are.
OFFERED = (
    *("send", "put_notice", "acknowledge", "accept", "decline"),
    *("call_me", "called_back", "set_callback"),
    *("start_handoff", "record_attempt", "handoff_failed"),
    *("open_packet", "put_release", "put_packet", "narrow_release", "revoke_release"),
    *("put_return_release", "revoke_return_release"),
    *("assign", "hand_over", "take_over", "block", "unblock", "leads_only", "end_leads_only"),
    *("open_notes", "add_note", "set_plan", "set_external_ref", "same_person_as"),
    *("account_disclosures", "set_hold", "end_hold", "record_report", "record_disclosure"),
    *("complete", "unable", "withdraw", "mark_error", "stop"),
)
PAGES = {
    name: found
    for name in (*OFFERED, *(act for act in ACTS if act not in OFFERED))
    if (found := ACTS[name].page)
}
HEADINGS = {
    Group.ANSWER: _("Notice and answer"),
    Group.CONTACT: _("Contact and hand-off"),
    Group.SHARING: _("Permission and packet"),
    Group.PEOPLE: _("Who sees it and works on it"),
    Group.RECORDS: _("Your agency's records"),
    Group.ENDING: _("End this referral"),
}


class Offer(NamedTuple):
    """An act as a button. `line` says what it does and who will learn of it."""

    act: str
    words: str
    line: str
    url: str
    at_once: bool
    grave: bool


class Task(NamedTuple):
    heading: str
    offers: list[Offer]


class Offers(NamedTuple):
    now: list[Offer]  # the main one first, then the choices next to it
    menu: list[Task]


def offers_of(seen: Detail, packet: Collection[str], returned: bool) -> Offers:
    """Return the acts that the domain says are open and that can be meant now. `packet`: the fields
    that the caller could open. `returned`: whether their side shares the outcome."""
    useful = {act: page for act, page in PAGES.items() if act in seen.acts and page.useful(seen)}
    if not packet:
        useful.pop("open_packet", None)
    useful.pop("called_back", None)  # it is offered with the request to call
    if not returned:
        useful.pop("revoke_return_release", None)
    done = {"put_packet"} if packet else set()  # it is written: no longer the next thing to do
    if seen.release_in_force:
        done.add("put_release")
    shown = (seen.side, seen.status)
    likely = {
        act: page.likely[shown]
        for act, page in useful.items()
        if shown in page.likely and act not in done
    }
    if is_unheld(seen.own) and "take_over" in useful:
        likely["take_over"] = 0
    now = [_offer(act, seen) for act in sorted(likely, key=likely.__getitem__)]
    menu = [
        Task(
            str(heading),
            [
                _offer(act, seen)
                for act, page in useful.items()
                if act not in likely and page.group is group
            ],
        )
        for group, heading in HEADINGS.items()
    ]
    return Offers(now, [task for task in menu if task.offers])


def answer_to_call(seen: Detail) -> Offer | None:
    """Return the button that says that a request to call was answered; None without a request."""
    page = PAGES["called_back"]
    can = "called_back" in seen.acts and page.useful(seen)
    return _offer("called_back", seen) if can else None


def _offer(act: str, seen: Detail) -> Offer:
    page = PAGES[act]
    url = reverse(f"desk_{act}", args=[seen.referral.id])
    return Offer(act, gettext(page.offer), gettext(page.line), url, page.at_once, page.grave)


def packet_words(seen: Detail, packet: Collection[str], assigned: bool) -> str:
    """Return the packet's state as this caller may know it; '' if they may not open any."""
    if not assigned:
        return ""
    if not packet:
        written = seen.side == "from" or seen.release_in_force
        return gettext("Not written yet.") if written else gettext("Nothing to open.")
    number = len(packet)
    ready = ngettext("Ready: {number} field.", "Ready: {number} fields.", number)
    return f"{ready.format(number=number)} {_open_to_them(seen, packet)}".strip()


def _open_to_them(seen: Detail, packet: Collection[str]) -> str:
    release = seen.release
    if seen.side == "to" or release is None:
        return ""
    if not seen.release_in_force:
        return gettext("The other agency can open none of it.")
    shared = len(set(packet) & set(release.fields))
    words = ngettext(
        "The other agency can open {number} of them until {time}.",
        "The other agency can open {number} of them until {time}.",
        shared,
    )
    if seen.referral.accepted_at is None:
        words = ngettext(
            "After accepting, the other agency can open {number} of them until {time}.",
            "After accepting, the other agency can open {number} of them until {time}.",
            shared,
        )
    return words.format(number=shared, time=clock_time(release.expires_at, seen.now))
