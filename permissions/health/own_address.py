"""Asks this server by its own name, as a browser would: through DNS, TLS and nginx."""

import socket
import ssl
import time
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from django.conf import settings

MOST_S = 15.0  # the first request of a new process takes its time
DAY_S = 86_400.0


class NotOurs(Exception):
    """The name does not lead to this server as it should; the text says how, after the address."""


def days_of_certificate() -> float:
    """In how many days the certificate ends that is shown there, by this machine's clock; a real
    one, for this name. Raises NotOurs."""
    host, port = _where()
    try:
        with (
            socket.create_connection((host, port), MOST_S) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            shown = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise NotOurs(f"shows a certificate that is not good: {error.verify_message}.") from None
    except OSError as error:
        raise NotOurs(f"does not answer: {error.strerror or type(error).__name__}.") from None
    return (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / DAY_S


def require_ours() -> None:
    """Raise NotOurs unless what answers there is Cairn, by way of a proxy that says https and lets
    nobody read the operator's figures."""
    if (status := _status("/health/live")) != 200:
        raise NotOurs(f"answers /health/live with {status}: nginx does not reach Cairn.")
    if (status := _status("/metrics")) != 404:
        raise NotOurs(f"answers /metrics with {status}: nginx must send X-Forwarded-For.")


def _where() -> tuple[str, int]:
    parts = urlsplit(settings.BASE_URL)
    return str(parts.hostname), parts.port or 443


def _status(path: str) -> int:
    host, port = _where()
    connection = HTTPSConnection(host, port, timeout=MOST_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise NotOurs(f"does not answer: {type(error).__name__}.") from None
    finally:
        connection.close()
