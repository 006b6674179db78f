"""Which rows of a long box can meet a condition, where these are few: found by small indexes, so
that a page costs its rows and not the box (ADR 0121). What a condition means is in
referrals/queries/list_filters.py; each of these finds at least the rows that meet it."""

from referrals.deadlines.due_times import CALL_REQUEST_LASTS, CLOSED_AFTER, REFER_ON_WITHIN

_NOW = "sec.clock()"
OWN_AGENCY = {"out": "from_agency_id", "in": "to_agency_id"}
ASKED = {"out": "to_asks_ring_at", "in": "from_asks_ring_at"}


def among(*selects: str) -> str:
    """Return the condition that a row is one of these."""
    return f"id = ANY (ARRAY({' UNION ALL '.join(selects)}))"


def rows_of(box: str, condition: str) -> str:
    """Return the query for the ids of the rows `f` of one box that meet a condition."""
    return f"SELECT f.id FROM referral f WHERE f.{OWN_AGENCY[box]} = %(agency)s AND {condition}"  # noqa: S608 (of fixed parts)


def _sides(condition: str) -> str:
    mine = "SELECT s.referral_id FROM referral_side s WHERE s.agency_id = %(agency)s"
    return f"{mine} AND {condition}"


WAITING_ROWS = {box: rows_of(box, "f.status IN ('sent', 'acknowledged')") for box in OWN_AGENCY}
ASKED_ROWS = {
    box: rows_of(box, f"f.{column} > {_NOW} - interval '{CALL_REQUEST_LASTS.days} days'")
    for box, column in ASKED.items()
}
WORKED_ON = _sides("s.state IN ('accepted', 'in_handoff')")
CONTACT_LATE_ROWS = f"{WORKED_ON} AND s.handoff_by <= {_NOW}"
ACCEPTED_OF_LATE = rows_of("out", f"f.accepted_at > {_NOW} - interval '{CLOSED_AFTER.days} days'")
_GOES_ON = {
    "out": (rows_of("out", "f.status IN ('draft', 'sent', 'acknowledged')"), ACCEPTED_OF_LATE),
    "in": (WAITING_ROWS["in"], WORKED_ON),
}
# For the sender also what can be referred on.
ACTIVE_ROWS = {
    "out": (
        *_GOES_ON["out"],
        rows_of(
            "out",
            "f.status IN ('declined', 'expired')"
            f" AND f.expires_at > {_NOW} - interval '{REFER_ON_WITHIN.days} day'",
        ),
    ),
    "in": _GOES_ON["in"],
}
# No one of the side holds it any more, and it goes on: a member who left held more that is over.
# A referral that no one has looked at yet is not held yet.
NO_HOLDER_ROWS = {
    box: _sides(f"s.holder_id IS NULL AND s.referral_id = ANY (ARRAY({' UNION ALL '.join(rows)}))")
    for box, rows in _GOES_ON.items()
}
# Of a status that lasts, the newest of the box are read one by one.
OF_STATUS = {
    "out": {"accepted": ACCEPTED_OF_LATE},
    "in": {"accepted": WORKED_ON, "in_handoff": WORKED_ON},
}
