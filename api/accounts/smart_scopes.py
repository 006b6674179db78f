"""SMART's scopes of a backend service (SMART App Launch 2.2, scopes v2) as Cairn's own.

Cairn's scopes say what a system may do; SMART's say with which resource. A referral is a Task, a
ServiceRequest and a Consent at once, so that a scope for one of them is one for all three (ADR
0147). A client may ask for both kinds together.
"""

import re
from collections.abc import Iterable

_SMART = re.compile(r"system/([A-Za-z]+)\.(c?r?u?d?s?)", re.ASCII)
_REFERRAL = {
    "c": "referrals:write",
    "r": "referrals:read",
    "u": "referrals:write",
    "s": "referrals:read",
}
_DIRECTORY = dict.fromkeys("rs", "directory:read")
_OWN = {
    "Task": _REFERRAL,
    "ServiceRequest": {letter: _REFERRAL[letter] for letter in "crs"},
    "Consent": {letter: _REFERRAL[letter] for letter in "crs"},
    "HealthcareService": _DIRECTORY,
    "Location": _DIRECTORY,
    "Organization": _DIRECTORY,
    "Subscription": dict.fromkeys("cruds", "webhooks:write"),
    "AuditEvent": dict.fromkeys("rs", "audit:read"),
}
# As the SMART configuration lists them: each resource with all that it has.
SCOPES = tuple(
    f"system/{kind}.{''.join(letter for letter in 'cruds' if letter in own)}"
    for kind, own in _OWN.items()
)


def own_scopes(asked: Iterable[str]) -> list[str]:
    """Return Cairn's scopes for those that were asked for, each once. One that is not known stays
    as it is, so that no client holds it."""
    found: dict[str, None] = {}
    for scope in asked:
        smart = _SMART.fullmatch(scope)
        own = _OWN.get(smart[1], {}) if smart else {}
        letters = smart[2] if smart else ""
        if letters and set(letters) <= set(own):
            found |= dict.fromkeys(own[letter] for letter in letters)
        else:
            found[scope] = None
    return list(found)
