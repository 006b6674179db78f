"""How much a partner system opens in a day (TH2): with a key that was stolen from it, or a loop in
it, somebody else reads a day's work at most, and the operator hears of it.

Counted are different referrals within 24 hours, in the log (sec.openings_wait); opening one again
costs nothing. Of requests at once each may be let through by the same count: their number is how
far it is overdrawn at most. People have no such budget: they open one packet at a time, and in the
night nobody could raise it.
"""

import math
from datetime import timedelta

import structlog

from permissions.errors import BudgetSpent
from permissions.principal import Principal

log = structlog.get_logger()


def require_quota_left(principal: Principal, wait: timedelta | None) -> None:
    """Raise BudgetSpent where `wait`, until the system may open this referral's packet or notes, is
    given."""
    if wait is not None:
        log.warning("client_budget_spent", agency=str(principal.agency_id))
        raise BudgetSpent(max(1, math.ceil(wait.total_seconds())))
