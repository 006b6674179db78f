"""What PostgreSQL means by "insufficient privilege": not this caller, or a fault of the setup.

Row-level security refuses a write, and our functions refuse an act, to a caller whose right has
ended: to them nothing is there (R3). A grant that our own role lacks has the same code and says
nothing of the caller: the database was set up or restored wrongly, and "not found" would hide that.
"""

import structlog
from django.db import Error
from psycopg2.errors import InsufficientPrivilege

from permissions.errors import NotRecovered, NotVisible, Unavailable

log = structlog.get_logger()

# The places in PostgreSQL that refuse a caller; every other refusal is a fault of the setup. Its
# words depend on the server's language.
_REFUSE_A_CALLER = {
    "ExecWithCheckOptions",  # a row that a policy does not allow
    "exec_stmt_raise",  # our own RAISE
}


_NOT_RECOVERED = "57C01"  # of sec.require_timeline()


def not_recovered(error: BaseException) -> NotRecovered | None:
    """Return NotRecovered if this is the database's refusal to serve after a restore or failover
    (permissions/recovery/timeline.py); None: it is another error."""
    cause: BaseException | None = error
    while cause is not None and getattr(cause, "pgcode", None) is None:
        cause = cause.__cause__ or cause.__context__
    if getattr(cause, "pgcode", None) != _NOT_RECOVERED:
        return None
    refusal = NotRecovered()
    refusal.__cause__ = error  # for the log line: PostgreSQL's code
    return refusal


def refusal_of(error: BaseException) -> NotVisible | Unavailable | None:
    """Return what a denial by the database is to the caller; None: it is not one.

    A missing grant is logged.
    """
    cause = error.__cause__ if isinstance(error, Error) else None
    if not isinstance(cause, InsufficientPrivilege):
        return None
    if cause.diag.source_function in _REFUSE_A_CALLER:
        return NotVisible()
    # It names a table, a column or a function of ours, and no value.
    log.error("missing_grant", error=cause.diag.message_primary, sqlstate=cause.pgcode)
    return Unavailable()
