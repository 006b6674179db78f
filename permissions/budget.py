"""How much a partner system opens in a day (TH2): with a key that was stolen from it, or a loop in
it, somebody else reads a day's work at most, and the operator hears of it.

People have no such budget: they open one packet at a time, and in the night nobody could raise it.
"""

import math
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection

from permissions.errors import BudgetSpent
from permissions.prepared import Ask
from permissions.principal import Principal
from permissions.session import at_once

log = structlog.get_logger()


def require(principal: Principal, referral_id: UUID) -> None:
    """Raise BudgetSpent where a system may open no other referral's packet or notes just now.

    Counted are different referrals within 24 hours, from the log; opening one again costs nothing.
    Of requests at once each may be let through by the same count: their number is how far it is
    overdrawn at most. In the open transaction, where there is one; twice is safe.
    """
    if not principal.is_client:
        return
    asked = Ask("SELECT sec.openings_wait(%(referral)s)", {"referral": referral_id})
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(asked.sql, asked.values)
            row = cursor.fetchone()
            assert row is not None
    else:
        (row,) = at_once(principal, asked)
    wait: timedelta | None = row[0]
    if wait is not None:
        log.warning("client_budget_spent", agency=str(principal.agency_id))
        raise BudgetSpent(max(1, math.ceil(wait.total_seconds())))
