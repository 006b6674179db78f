"""The domain's refusals. Only api/http/problem_details.py knows HTTP status codes.

Every refusal has a stable `code` (part of the contract) and a `detail` for people: what is wrong
and what to do about it. Neither ever contains text from the caller, a name or a value of a row.
"""


class Refused(Exception):
    """The act was not done and nothing was changed."""

    code = "refused"
    detail = "Refused."
    logged = False  # whether its access entry has been written

    def __init__(self, code: str | None = None, detail: str | None = None) -> None:
        self.code = code or self.code
        self.detail = detail or self.detail
        super().__init__(self.code)


class NotAuthenticated(Refused):
    """The caller is not known: no token, or a token that is unknown, ended or expired."""

    code = "not_authenticated"
    detail = "Send a valid access token, or sign in."


class BadRequest(Refused):
    """The request's shape is wrong. This never depends on a row (docs/rules.md: the ladder of
    refusals)."""

    code = "invalid"
    detail = "The request is not of the documented shape."

    def __init__(
        self, code: str | None = None, detail: str | None = None, pointer: str | None = None
    ) -> None:
        super().__init__(code, detail)
        self.pointer = pointer  # JSON pointer or query parameter of the field at fault


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


class KeyReused(Refused):
    """The `Idempotency-Key` was used with another body."""

    code = "key_reused"
    detail = "This Idempotency-Key was used with another body. Take a new key."


class BudgetSpent(Refused):
    """A partner system has reached its limit of openings in a day (TH2; RFC 6585, section 4).
    `wait_s`: seconds until it may open another, ≥ 1."""

    code = "budget_spent"
    detail = (
        "This system opened packets or notes of as many referrals within 24 hours as it may. What"
        " it opened before it still opens; others open in the desk. Was it not the system itself,"
        " have its access ended; else whoever runs the network's server raises the number."
    )

    def __init__(self, wait_s: int) -> None:
        super().__init__()
        self.wait_s = wait_s


class Unavailable(Refused):
    """The log, the key store or the database does not answer: nothing was disclosed and nothing
    changed (R11)."""

    code = "unavailable"
    detail = "Not available just now. Nothing was changed. Ring the service instead."
