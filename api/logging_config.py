"""Process logs: JSON lines with an allow-list of fields, so that no referral data gets in.

No bodies, no paths with query strings, no exception text (R10, threat TH9).
"""

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from permissions.health import failures, log_lines

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
        "sqlstate",
        "check",
        "kind",  # of a row, or of a message: a word of the code
        "row",  # an id
        "referral",  # an id, where what opens it was altered
    }
)


def line(_logger: Any, level: str, entry: MutableMapping[str, Any]) -> str:
    """Return an entry as JSON, with its level and time.

    A field that is not on the list is dropped: a new one is a decision, not an accident.
    """
    here = structlog.contextvars.get_contextvars()  # of the request: its id
    entry = {**here, **entry, "level": level, "timestamp": datetime.now(UTC)}
    kept = {key: value for key, value in entry.items() if key in ALLOWED}
    return orjson.dumps(kept, default=repr, option=orjson.OPT_UTC_Z).decode()


class _Frugal(logging.Formatter):
    """Formats library records: name, level and the exception's type; never the message."""

    def format(self, record: logging.LogRecord) -> str:
        # For a request that it cannot read, gunicorn logs the request and passes no exception.
        kind, error, _ = record.exc_info or sys.exc_info()
        where = raised_at(error) if error else f"{record.module}:{record.lineno}"
        fields = {"event": "library", "logger": record.name, "where": where}
        fields |= {"error": kind.__name__} if kind else {}
        if code := failures.sqlstate(error):
            fields["sqlstate"] = code
        return line(None, record.levelname.lower(), fields)


def raised_at(error: BaseException | None) -> str:
    """Return the file and line that raised it."""
    trace = error.__traceback__ if error else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


def quiet_server() -> None:
    """Reduce gunicorn's error log to the allowed fields, once the server has started.

    On a fault gunicorn writes the whole request line, the caller's address and the exception's
    text (R10). The operator can still read why a server did not start. From now on no line is
    waited for (permissions/health/log_lines.py). Twice is safe.
    """
    for handler in logging.getLogger("gunicorn.error").handlers:
        handler.setFormatter(_Frugal())
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr:
            handler.setStream(log_lines.of_process())
    log_lines.never_wait()


def configure(config: dict[str, Any]) -> None:
    """Set up logging. Django calls this with settings.LOGGING."""
    lines = log_lines.open_process(
        lambda lost: line(None, "error", {"event": "log_lines_dropped", "count": lost})
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(_Frugal())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # Its warnings repeat our own line for each request, without ids.
    logging.getLogger("django.request").setLevel(logging.ERROR)
    structlog.configure(
        processors=[line],  # a single step, since it runs at each request
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config["level"]]
        ),
        logger_factory=structlog.WriteLoggerFactory(lines),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
