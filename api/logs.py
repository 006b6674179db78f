"""Process logs: JSON lines with an allow-list of fields; no value of a referral can slip in.

No bodies, no paths with query strings, no exception text (design R10, threat TH9).
"""

import logging
import sys
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


def only_allowed(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Drop every field that is not on the list; a new field is a decision, not an accident."""
    return {key: value for key, value in entry.items() if key in ALLOWED}


class _Frugal(logging.Formatter):
    """Records of libraries: their name, level and the exception's type; never their message."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        where = f"{record.module}:{record.lineno}"
        fields = {"event": "library", "logger": record.name, "level": record.levelname.lower()}
        fields |= {"where": where} | ({"error": error} if error else {})
        return str(structlog.processors.JSONRenderer()(None, "", fields))


def _line(entry: dict[str, Any], **_options: Any) -> str:
    return orjson.dumps(entry, default=repr).decode()


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
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            structlog.processors.JSONRenderer(_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config["level"]]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
