"""What a write of this floor needs of a caller's `Idempotency-Key`, which is kept above
(referrals/idempotency.py)."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from permissions.principal import Principal


class RepeatedRequest(Protocol):
    """A request that may come twice. Both are called inside the write's transaction."""

    def begin(self, principal: Principal) -> UUID | None:
        """Return the id that it led to before, or None to go on. Raises InFlight, KeyReused."""

    def finish(self, principal: Principal, result_id: UUID, now: datetime) -> None:
        """Store the id of what was made."""
