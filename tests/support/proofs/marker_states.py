"""Each state that a referral can be in, and the acts that lead to it."""

from typing import NamedTuple

from referrals.act_registry.registry import MOVES


class State(NamedTuple):
    """One referral of the world: what was done with it, and what follows for its two sides.

    `seen` by whom: sides, of the recipient perhaps its leads alone. `opens`: whose assignee opens
    the packet. A purged side has neither.
    """

    how: tuple[str, ...]
    seen: frozenset[str]
    opens: frozenset[str]


def states(text: str) -> dict[str, State]:
    """Those whose acts exist."""
    found = {}
    for line in text.strip().splitlines():
        name, how, seen, opens = (part.strip() for part in line.split("|"))
        acts = tuple(how.split())
        if {act.removeprefix("to:") for act in acts} <= set(MOVES):
            found[name] = State(acts, frozenset(seen.split()), frozenset(opens.split()))
    return found


# state             | what was done, by the sender or with to: by the recipient | is shown | opens
STATES = states(
    """
draft               |                                                  | from          | from
sent                | send                                             | from to       | from
acknowledged        | send to:acknowledge                              | from to       | from
accepted            | send to:accept                                   | from to       | from to
in_handoff          | send to:accept to:start_handoff                  | from to       | from to
call_asked          | send to:accept call_me to:call_me set_callback   | from to       | from to
completed           | send to:accept to:start_handoff to:complete      | from to       | from to
unable              | send to:accept to:unable                         | from to       | from to
returned            | send to:accept to:complete to:put_return_release | from to       | from to
declined            | send to:decline                                  | from to       | from
withdrawn           | send to:accept withdraw                          | from to       | from
in_error            | send to:accept mark_error                        | from to       | from
stopped             | send to:accept stop                              | from to       | from
stopped_there       | send to:accept to:stop                           | from to       | from
revoked             | send to:accept revoke_release                    | from to       | from
revoked_there       | send to:accept to:revoke_release                 | from to       | from
narrowed            | send to:accept narrow_release                    | from to       | from to
barred              | send to:accept block to:block                    | from to       | from to
leads_only          | leads_only send to:accept                        | from to:leads | from to
agency_barred       | send to:accept block                             | from          | from
release_over        | send to:accept narrow_release                    | from to       | from
expired             | send                                             | from to       | from
closed              | send to:accept                                   | from to       | from to
purged              | send to:accept to:complete                       |               |
purged_draft        |                                                  |               |
purged_by_sender    | send to:accept                                   | to            |
purged_by_recipient | send to:accept to:complete                       | from          | from
"""
)
