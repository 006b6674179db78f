"""Checks of deployment for what meets the network.

permissions.E033  a connection to the database may wait for ever for its server
permissions.E034  the sandbox is on: anyone may move the clock and delete every referral
permissions.W031  the application limits no one's requests
permissions.W032  there is no contact for reports of a weakness, or it has expired
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import Error, register

LONGEST_S = 30  # a request may take no longer


@register(deploy=True)
def connections_are_limited(**kwargs: Any) -> list[Error]:
    """permissions.E033."""
    return [
        Error(
            f"The connection {alias} may wait for ever for its server.",
            hint=f"Leave connect_timeout out of its URL, or set 1 to {LONGEST_S} seconds.",
            id="permissions.E033",
        )
        for alias in unlimited(settings.DATABASES)
    ]


def unlimited(databases: dict[str, dict[str, Any]]) -> list[str]:
    """The aliases of connections that wait longer than LONGEST_S for their server."""
    given = {
        alias: str(one.get("OPTIONS", {}).get("connect_timeout", "0"))
        for alias, one in databases.items()
    }
    return [one for one, s in given.items() if not (s.isdigit() and 0 < int(s) <= LONGEST_S)]


@register(deploy=True)
def no_sandbox(**kwargs: Any) -> list[Error]:
    """permissions.E034."""
    if not settings.SANDBOX:
        return []
    return [
        Error(
            "The sandbox is on: anyone may move the clock and delete every referral.",
            hint="Set CAIRN_BASE_URL to the server's own https address, and DATABASE_URL.",
            id="permissions.E034",
        )
    ]


@register(deploy=True)
def requests_are_limited(**kwargs: Any) -> list[checks.Warning]:
    """permissions.W031."""
    if settings.LOOPBACK or (settings.REQUESTS_OF_CALLER and settings.REQUESTS_OF_NETWORK):
        return []
    return [
        checks.Warning(
            "The application limits no one's requests.",
            hint="Leave CAIRN_REQUESTS_OF_CALLER and CAIRN_REQUESTS_OF_NETWORK out, or above 0.",
            id="permissions.W031",
        )
    ]


@register(deploy=True)
def weaknesses_can_be_reported(**kwargs: Any) -> list[checks.Warning]:
    """permissions.W032."""
    until = settings.SECURITY_EXPIRES
    if settings.LOOPBACK or (until is not None and until > datetime.now(UTC)):
        return []
    return [
        checks.Warning(
            "/.well-known/security.txt has no contact for reports of a weakness.",
            hint="Set CAIRN_SECURITY_CONTACT, and CAIRN_SECURITY_EXPIRES to a day within a year.",
            id="permissions.W032",
        )
    ]
