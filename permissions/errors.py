"""The domain's refusals. Only api/http/problem_details.py knows HTTP status codes.

Every refusal has a stable `code` (part of the contract) and a `detail` for people: what is wrong
and what to do about it. Neither ever contains text from the caller, a name or a value of a row.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple


class Refused(Exception):
    """The act was not done and nothing was changed."""

    code = "refused"
    detail = "Refused."
    logged = False  # whether its access entry has been written

    def __init__(
        self, code: str | None = None, detail: str | None = None, pointer: str | None = None
    ) -> None:
        self.code = code or self.code
        self.detail = detail or self.detail
        self.pointer = pointer  # JSON pointer or query parameter of the field at fault
        super().__init__(self.code)


class NotAuthenticated(Refused):
    """The caller is not known: no token, or a token that is unknown, ended or expired."""

    code = "not_authenticated"
    detail = "Send a valid access token, or sign in."


class Fault(NamedTuple):
    """One thing that is wrong with a request. `place`: a JSON pointer (`/notice/urgency`) or the
    name of a query parameter (`limit`); None: the whole of it."""

    code: str
    detail: str
    place: str | None


class BadRequest(Refused):
    """The request's shape is wrong. This never depends on a row (docs/rules.md: the ladder of
    refusals)."""

    code = "invalid"
    detail = "The request is not of the documented shape."

    def __init__(
        self, code: str | None = None, detail: str | None = None, pointer: str | None = None
    ) -> None:
        super().__init__(code, detail, pointer)
        self.faults = [Fault(self.code, self.detail, pointer)]  # this one, and others found with it

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> "BadRequest":
        """Return the refusal of all these faults (at least one), which is named after the first."""
        refusal = cls(*faults[0])
        refusal.faults = list(faults)
        return refusal


class NotVisible(Refused):
    """The row does not exist, or the caller may not see it: one error for both (R3)."""

    code = "not_found"
    detail = "There is nothing here that you may see."


class NotPermitted(Refused):
    """The caller may see the row but may not do this act."""

    code = "not_permitted"
    detail = "You may not do this."


class StaleMatch(Refused):
    """`If-Match` names an older version (RFC 9110, section 13.1.1)."""

    code = "stale"
    detail = "It was changed since you read it. Read it again, then repeat."


class MatchRequired(Refused):
    """A replacement without `If-Match` would overwrite unseen changes (RFC 6585, section 3)."""

    code = "match_required"
    detail = "Send If-Match with the ETag you read."


class WrongState(Refused):
    """The act is not possible from the state that the caller is shown."""

    code = "wrong_state"

    def __init__(self, status: str, sources: frozenset[str]) -> None:
        super().__init__(None, f"It is {status}; this needs {' or '.join(sorted(sources))}.")
        self.status = status


class NotPossible(Refused):
    """State and rights allow the act, but a condition is not met (no release, a paused service)."""

    code = "not_possible"


class Conflict(Refused):
    """The same key was sent with another body, or the same request is still in progress."""

    code = "conflict"


class InFlight(Conflict):
    """The same request, with the same `Idempotency-Key`, is still in progress. `wait_s`: seconds
    until it is worth asking again."""

    code = "in_flight"
    detail = "The same request is still under way. Wait, then ask again."
    wait_s = 1


class KeyReused(Refused):
    """The `Idempotency-Key` was used with another body."""

    code = "key_reused"
    detail = "This Idempotency-Key was used with another body. Take a new key."


class TooOften(Refused):
    """The caller has done it as often as they may for now (docs/guides/limits.md; RFC 6585, section
    4). `wait_s`: seconds until they may again, ≥ 1."""

    code = "too_often"
    detail = "You have done this as often as you may for now. Retry-After says how long to wait."

    def __init__(
        self, code: str | None = None, detail: str | None = None, *, wait: timedelta
    ) -> None:
        super().__init__(code, detail)
        self.wait_s = max(1, math.ceil(wait.total_seconds()))


class BudgetSpent(TooOften):
    """A partner system has reached its limit of openings in a day (TH2)."""

    code = "budget_spent"
    detail = (
        "This system has opened packets or notes of as many referrals in 24 hours as it may. It can"
        " still open those again; a person can open others at the desk. If the system itself did"
        " not open them, end its access. Otherwise ask the agency's administrator to raise the"
        " limit."
    )


class Unavailable(Refused):
    """The log, the key store or the database does not answer: nothing was disclosed and nothing
    changed (R11)."""

    code = "unavailable"
    detail = "Not available right now. Nothing was changed. Call the service instead."


class NotRecovered(Unavailable):
    """The database was restored, or another server has taken over, and what was taken away since
    has not been taken away again: nothing is served until it has (permissions/recovery)."""

    code = "not_recovered"
    detail = (
        "This server's database was restored or moved, and is not checked yet. Nothing was changed."
        " Call the service instead."
    )


@contextmanager
def pointing(to: str, instead_of: str = "") -> Iterator[None]:
    """Say of a refusal raised inside where in the request its fault is: at `to`, a JSON pointer,
    and below it where the refusal itself points. `instead_of`: how the refusal's own pointer begins
    if the part is sent alone. What is not available is no fault of the request."""
    try:
        yield
    except Unavailable:
        raise
    except Refused as refusal:

        def below(place: str | None) -> str:
            return to + (place or "").removeprefix(instead_of)

        refusal.pointer = below(refusal.pointer)
        if isinstance(refusal, BadRequest):
            refusal.faults = [one._replace(place=below(one.place)) for one in refusal.faults]
        raise
