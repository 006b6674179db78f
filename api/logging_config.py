"""Process logs: JSON lines with an allow-list of fields; no value of a referral can slip in.

No bodies, no paths with query strings, no exception text (R10, threat TH9).
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "method",
        "route",
        "status",
        "duration_ms",
        "request_id",
        "error",
        "where",
        "port",
        "agency",
        "count",
        "job",
    }
)


def line(_logger: Any, level: str, entry: dict[str, Any]) -> str:
    """An entry as JSON, with its level and time. Every field that is not on the list is dropped; a
    new field is a decision, not an accident."""
    entry |= {"level": level, "timestamp": datetime.now(UTC)}
    kept = {key: value for key, value in entry.items() if key in ALLOWED}
    return orjson.dumps(kept, default=repr, option=orjson.OPT_UTC_Z).decode()


class _Frugal(logging.Formatter):
    """Records of libraries: their name, level and the exception's type; never their message."""

    def format(self, record: logging.LogRecord) -> str:
        # gunicorn says of a request that it cannot read what it was, and names no exception.
        kind, error, _ = record.exc_info or sys.exc_info()
        where = raised_at(error) if error else f"{record.module}:{record.lineno}"
        fields = {"event": "library", "logger": record.name, "level": record.levelname.lower()}
        fields |= {"where": where} | ({"error": kind.__name__} if kind else {})
        return str(structlog.processors.JSONRenderer()(None, "", fields))


def raised_at(error: BaseException | None) -> str:
    """File and line of what raised it."""
    trace = error.__traceback__ if error else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


def quiet_server() -> None:
    """For the process that answers requests, once it has started: what gunicorn writes of a fault
    is the whole request line, the caller's address and the exception's text (R10).

    Whoever starts it still reads why it did not start. Twice is safe.
    """
    for handler in logging.getLogger("gunicorn.error").handlers:
        handler.setFormatter(_Frugal())


def configure(config: dict[str, Any]) -> None:
    """Called by Django with settings.LOGGING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Frugal())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # Its warnings repeat, without ids, what our own line for each request says.
    logging.getLogger("django.request").setLevel(logging.ERROR)
    structlog.configure(
        processors=[line],  # one for all: it is written at each request
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config["level"]]
        ),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
