"""The registry of acts: one entry an act, declared beside its function with `@act(…)`.

An entry says who may do it, from which state to which, what a request holds, which side is told,
and what the contract and the desk call it. The tables RULES and MOVES are made of the entries, and
so are the routes and shapes of the API, the pages of the desk, the words of the history and those
of the access log. To add an act is to add an entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from permissions.policy.rules import Rule
from referrals.act_registry.fields import NOTHING, Body

if TYPE_CHECKING:
    from referrals.queries.details import Detail

F = TypeVar("F", bound=Callable[..., Any])

# In this order they are listed; an act that is not named here comes after those that are.
LISTED = (
    *("create", "put_notice", "put_release", "put_packet", "send"),
    *("acknowledge", "accept", "decline", "call_me", "set_callback"),
    *("start_handoff", "handoff_failed", "complete", "unable"),
    *("withdraw", "revoke_release", "narrow_release"),
    *("put_return_release", "revoke_return_release", "stop", "mark_error"),
    *("assign", "hand_over", "take_over", "block", "unblock", "leads_only", "end_leads_only"),
    *("open_packet", "open_notes", "account_disclosures", "add_note", "set_hold", "end_hold"),
    *("record_attempt", "set_external_ref", "set_plan", "same_person_as"),
    *("record_report", "record_disclosure", "delivered"),
)


class Move(NamedTuple):
    """From which states, as each side is shown them, and to which. None: not that side's act."""

    from_side: frozenset[str] | None
    to_side: frozenset[str] | None
    target: str | None = None  # None: the state stays


class Notification(NamedTuple):
    """One side of the referral is told."""

    side: str  # "from" or "to"; "own": the side whose member did it
    # everyone, holder, leads, about (whom the act concerns), ladder
    # (referrals/notifications/escalation.py)
    whom: str
    template: str


HOLDER_THERE = (Notification("to", "holder", "changed"),)
ANSWERED = (Notification("from", "holder", "answered"),)
PUT_ON = (Notification("own", "about", "assigned"),)
REVIEWED = (Notification("from", "leads", "review"), Notification("to", "leads", "review"))


class Answer(StrEnum):
    """What the API answers."""

    REFERRAL = "the referral as it is now; honours If-Match"
    RECORD = "what was kept, with its id; honours Idempotency-Key"
    OWN = "something of its own: its endpoint is written by hand in api/v1"


class Group(StrEnum):
    """Where the referral's page offers the act, unless it is likely next."""

    ALSO = "also possible"
    RARE = "for the record, folded away"
    ENDING = "to end something"


def _always(_seen: "Detail") -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The act at the desk. `offer`: the words on the button that leads to it. Without a `title` it
    asks nothing and is done at once."""

    offer: str
    title: str = ""
    says: str = ""  # before
    button: str = ""
    done: str = ""  # afterwards
    grave: bool = False  # the button says so by its color
    group: Group = Group.ALSO
    # (side, state as it is shown): the place among what is likely next there, 1 the likeliest.
    likely: Mapping[tuple[str, str], int] = field(default_factory=dict)
    useful: Callable[["Detail"], bool] = _always  # False: it may be done, but to no end
    refused: Mapping[str, str] = field(default_factory=dict)  # a refusal's code: its field

    @property
    def at_once(self) -> bool:
        """Whether it asks nothing."""
        return not self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act on a referral. The function is called with the principal, the referral's id, the
    body's fields by name, and `if_match` or `key` as `answer` says."""

    name: str
    do: Callable[..., Any]
    rule: Rule
    move: Move
    summary: str  # one line, in the contract
    description: str
    body: Body | None  # None: its shape and form are written by hand in api
    answer: Answer
    closes: bool  # no read of what it closes may commit after it: it waits for readers
    tells: Mapping[str, tuple[Notification, ...]]  # by the side that did it: "from" or "to"
    page: Page | None  # None: it is not done at the desk
    history: str  # what the history calls it; '': it leaves no event
    logged: str  # what the access log calls it: the same, unless said otherwise
    codes: str  # the list that the event's code is of; '': it has none


ACTS: dict[str, Act] = {}
RULES: dict[str, Rule] = {}
MOVES: dict[str, Move] = {}
CLOSING: set[str] = set()


def act(
    rule: Rule,
    move: Move,
    *,
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
    """Declare the decorated function as the act of its name; what is said of it is in `Act`."""

    def declare(function: F) -> F:
        name = function.__name__
        if name in ACTS:
            raise RuntimeError(f"The act {name} is declared already.")
        ACTS[name] = Act(
            name=name,
            do=function,
            rule=rule,
            move=move,
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
    """Make the tables, once every module that declares acts is imported. Twice is safe."""
    places = {name: place for place, name in enumerate(LISTED)}
    listed = sorted(ACTS.values(), key=lambda one: places.get(one.name, len(places)))
    ACTS.clear()
    ACTS.update({one.name: one for one in listed})
    RULES.clear()
    RULES.update({one.name: one.rule for one in listed})
    MOVES.clear()
    MOVES.update({one.name: one.move for one in listed})
    CLOSING.clear()
    CLOSING.update(one.name for one in listed if one.closes)
