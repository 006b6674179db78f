"""What will end says so: in the contract, and with each of its answers (openapi/CHANGES.md)."""

from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.utils.http import http_date

LEAST = timedelta(days=180)  # between the notice and the end
PAGE = "/docs/changes.md"  # openapi/CHANGES.md, as it is served
HEADERS = ("Deprecation", "Sunset", "Link")


class Deprecated:
    """An operation that is deprecated since one day, and ends on another."""

    def __init__(self, since: date, until: date, instead: str) -> None:
        """`instead`: a sentence for the contract, which says what to use. Raises ValueError at
        start for an end that comes too soon."""
        if until - since < LEAST:
            raise ValueError(f"An operation ends {LEAST.days} days after its notice, or later.")
        self.since, self.until, self.instead = since, until, instead

    def headers(self) -> dict[str, str]:
        """Return what each answer says (RFC 9745, RFC 8594)."""
        return {
            "Deprecation": f"@{_second(self.since)}",
            "Sunset": http_date(_second(self.until)),
            "Link": f'<{settings.BASE_URL.rstrip("/")}{PAGE}>; rel="deprecation"',
        }

    def said(self) -> str:
        """Return what the contract says of it."""
        return f"Deprecated since {self.since}; ends on {self.until}. {self.instead}"


def _second(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
