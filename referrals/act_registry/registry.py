"""The registry of acts: one entry per act, declared on its function with `@act(…)`.

An entry says who may do the act, from which state to which, what a request contains, which side is
notified, and what the contract and the desk call it. The tables RULES and MOVES, the API's routes
and shapes, the desk's pages, and the words of the history and of the access log are all built from
the entries. To add an act, add an entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from permissions.policy.rules import Rule
from referrals.act_registry.fields import NOTHING, Body
from referrals.act_registry.repeats import Repeat

if TYPE_CHECKING:
    from referrals.queries.details import Detail

F = TypeVar("F", bound=Callable[..., Any])

# Acts are listed in this order. An act that is not named here comes after those that are.
LISTED = (
    *("create", "put_notice", "put_notice_release", "put_release", "put_packet", "send"),
    *("acknowledge", "accept", "undo_accept", "decline", "call_me", "called_back"),
    "set_callback",
    *("start_handoff", "handoff_failed", "complete", "unable"),
    *("withdraw", "revoke_release", "narrow_release"),
    *("put_return_release", "revoke_return_release", "stop", "mark_error"),
    *("assign", "hand_over", "take_over", "block", "unblock", "leads_only", "end_leads_only"),
    *("open_packet", "open_notes", "account_disclosures", "add_note", "set_hold", "end_hold"),
    *("record_attempt", "set_external_ref", "set_plan", "same_person_as"),
    *("record_report", "record_disclosure", "record_rights", "delivered"),
)


class Move(NamedTuple):
    """The states an act starts from, as each side is shown them, and its target state. None: the
    act is not available to that side."""

    from_side: frozenset[str] | None
    to_side: frozenset[str] | None
    target: str | None = None  # None: the state does not change


class Notification(NamedTuple):
    """A notification to one side of the referral."""

    side: str  # "from" or "to"; "own": the side whose member did the act
    # everyone, holder, leads, about (whom the act concerns), ladder
    # (referrals/notifications/escalation.py)
    whom: str
    template: str


HOLDER_THERE = (Notification("to", "holder", "changed"),)
ANSWERED = (Notification("from", "holder", "answered"),)
PUT_ON = (Notification("own", "about", "assigned"),)
REVIEWED = (Notification("from", "leads", "review"), Notification("to", "leads", "review"))


class Answer(StrEnum):
    """What the API answers to an act."""

    REFERRAL = "the referral as it is now; honours If-Match"
    RECORD = "what was kept, with its id"
    OWN = "something of its own: its endpoint is written by hand in api/v1"


class Group(StrEnum):
    """The task under which the referral's menu lists the act, unless it is a likely next act."""

    ANSWER = "the notice and its answer"
    CONTACT = "reaching the survivor or the other agency"
    SHARING = "permission and packet"
    PEOPLE = "who sees it and works on it"
    RECORDS = "the agency's own records"
    ENDING = "to end it"


def _always(_seen: "Detail") -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The act at the desk. `offer` is the text of the button that leads to it, `title` and `says`
    are those of its page: what it does, and who will learn of it."""

    offer: str
    says: str
    brief: str = ""  # `says` in one line, for the menu, if `says` is longer
    at_once: bool = False  # it asks nothing: a button of the referral's page does it
    title: str = ""
    button: str = ""
    done: str = ""  # afterwards
    grave: bool = False  # the button's color marks it as grave
    group: Group = Group.RECORDS
    # (side, state as shown): the rank among the likely next acts there. The page's one main button
    # is the act of the lowest rank that can be done; the others are choices next to it.
    likely: Mapping[tuple[str, str], int] = field(default_factory=dict)
    useful: Callable[["Detail"], bool] = _always  # False: permitted, but of no use
    refused: Mapping[str, str] = field(default_factory=dict)  # a refusal's code: its field

    @property
    def line(self) -> str:
        """Return what the menu says of the act."""
        return self.brief or self.says


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act on a referral. The function is called with the principal, the referral's id, the
    body's fields by name, `if_match` where `answer` is the referral, and `key` where `repeat` is
    KEYED."""

    name: str
    do: Callable[..., Any]
    rule: Rule
    move: Move
    repeat: Repeat  # what the same request means when it comes twice
    summary: str  # one line, in the contract
    description: str
    body: Body | None  # None: its shape and form are written by hand in api
    answer: Answer
    closes: bool  # waits for readers: no read of what the act closes may commit after it
    tells: Mapping[str, tuple[Notification, ...]]  # by the side that did the act: "from" or "to"
    page: Page | None  # None: the act is not done at the desk
    history: str  # the act's name in the history; '': it creates no event
    logged: str  # the act's name in the access log; the same unless given
    codes: str  # the list of the event's code; '': it has no code


ACTS: dict[str, Act] = {}
RULES: dict[str, Rule] = {}
MOVES: dict[str, Move] = {}
CLOSING: set[str] = set()


def act(
    rule: Rule,
    move: Move,
    *,
    repeat: Repeat,
    summary: str,
    description: str,
    body: Body | None = NOTHING,
    answer: Answer = Answer.REFERRAL,
    closes: bool = False,
    tells: Mapping[str, tuple[Notification, ...]] = MappingProxyType({}),
    page: Page | None = None,
    history: str = "",
    logged: str = "",
    codes: str = "",
) -> Callable[[F], F]:
    """Declare the decorated function as the act of the same name. `Act` explains the arguments.

    Raises RuntimeError if the name is already declared."""

    def declare(function: F) -> F:
        name = function.__name__
        if name in ACTS:
            raise RuntimeError(f"The act {name} is declared already.")
        ACTS[name] = Act(
            name=name,
            do=function,
            rule=rule,
            move=move,
            repeat=repeat,
            summary=summary,
            description=description,
            body=body,
            answer=answer,
            closes=closes,
            tells=tells,
            page=page,
            history=history,
            logged=logged or history,
            codes=codes,
        )
        return function

    return declare


def complete() -> None:
    """Build the tables, after every module that declares acts is imported. Twice is safe."""
    places = {name: place for place, name in enumerate(LISTED)}
    listed = sorted(ACTS.values(), key=lambda entry: places.get(entry.name, len(places)))
    ACTS.clear()
    ACTS.update({entry.name: entry for entry in listed})
    RULES.clear()
    RULES.update({entry.name: entry.rule for entry in listed})
    MOVES.clear()
    MOVES.update({entry.name: entry.move for entry in listed})
    CLOSING.clear()
    CLOSING.update(entry.name for entry in listed if entry.closes)
