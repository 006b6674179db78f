"""A thin client of Cairn's API for partner systems: tokens, retries, pages, errors, webhooks.

`Client` waits, `AsyncClient` is awaited; `webhooks.verify` checks what a receiver gets. Nothing is
logged, and no error repeats what was sent.
"""

from cairn_client._endpoints import Change, Event, Page
from cairn_client._exchange import Document
from cairn_client.client import AsyncClient, Client
from cairn_client.errors import CairnError, Fault, Problem, TokenRefused, Unreachable
from cairn_client.keys import PrivateKey
from cairn_client.webhooks import Message, NotGenuine, verify

__all__ = [
    "AsyncClient",
    "CairnError",
    "Change",
    "Client",
    "Document",
    "Event",
    "Fault",
    "Message",
    "NotGenuine",
    "Page",
    "PrivateKey",
    "Problem",
    "TokenRefused",
    "Unreachable",
    "verify",
]
