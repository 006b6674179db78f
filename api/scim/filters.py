"""The filters that a provider looks for one person with (RFC 7644 section 3.4.2.2)."""

import json
import re
from typing import NamedTuple

from permissions.errors import BadRequest

_EQUALS = re.compile(
    r"\s*(?:urn:ietf:params:scim:schemas:core:2\.0:User:)?(userName|externalId|id)"
    r"\s+eq\s+(\"(?:[^\"\\]|\\.)*\")\s*",
    re.IGNORECASE,
)
MOST = 1000  # characters


class Match(NamedTuple):
    attribute: str  # in lower case
    value: str


def filter_of(text: str | None) -> Match | None:
    """Return what a filter looks for; None: there is no filter. Raises BadRequest."""
    if text is None:
        return None
    found = _EQUALS.fullmatch(text) if len(text) <= MOST else None
    if found is None:
        raise BadRequest(
            "scim_filter", 'The filters are userName, externalId and id, as in: userName eq "x".'
        )
    try:
        return Match(found[1].lower(), json.loads(found[2]))
    except ValueError:
        raise BadRequest("scim_filter", "The filter's text is not a JSON string.") from None
