"""The limit on what a partner system opens in a day (TH2): a stolen key, or a loop in the system,
exposes at most a day's work, and the operator is warned.

The log counts different referrals within 24 hours (sec.client_quota_wait); opening one again costs
nothing. Simultaneous requests may all pass on the same count, so the limit can be exceeded by at
most their number. People have no such limit: they open one packet at a time, and no one could
raise a limit at night.
"""

from datetime import timedelta

import structlog

from permissions.errors import BudgetSpent
from permissions.principal import Principal

log = structlog.get_logger()


def require_quota_left(principal: Principal, wait: timedelta | None) -> None:
    """Raise BudgetSpent if the system has to wait before it may open this referral's packet or
    notes. `wait` None: it need not."""
    if wait is not None:
        log.warning("client_budget_spent", agency=str(principal.agency_id))
        raise BudgetSpent(wait=wait)
