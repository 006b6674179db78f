"""What the pages of an agency's own people, systems and settings say: scopes, keys, and the codes
of changes."""

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from api.desk.agency.role_labels import NAMES
from permissions.identity.client_keys import Key

SCOPES = {
    "directory:read": _("Read confidential listings"),
    "directory:write": _("Change our listings"),
    "referrals:read": _("Read our referrals and their history"),
    "referrals:write": _("Make referrals and answer them, for a named member"),
    "packets:read": _("Open packets and notes, for a named member"),
    "events:read": _("Read our feed of events"),
    "reports:read": _("Read our figures of months that are over"),
    "webhooks:write": _("Decide where our events are sent"),
    "audit:read": _("Read our access log (with nothing else but webhooks)"),
}
SETTINGS = {
    "time_zone": _("Time zone"),
    "opening_hours": _("Opening hours"),
    "holidays": _("Holidays"),
    "durations": _("Deadlines"),
    "retention_days": _("How long referrals are kept"),
    "takes_notices": _("Referrals in Cairn"),
    "duty_phone": _("Duty phone"),
    "outside_reviewer": _("Outside reviewer"),
    "active": _("Access of the agency"),
    "registered_number": _("Registered number"),
}
KINDS = {
    "law_enforcement": _("police"),
    "healthcare": _("hospital or clinic"),
    "community_advocate": _("community advocates"),
    "system_advocate": _("advocates of a public office"),
    "legal": _("legal help"),
    "social_service": _("social service"),
    "child_protection": _("child protection"),
    "prosecution": _("prosecution"),
    "oversight": _("oversight of the network"),
}
DUTIES = {
    "victim_services": _("victim services grant"),
    "privilege": _("advocate's privilege"),
    "hipaa": _("health privacy (HIPAA)"),
    "part2": _("substance-use treatment privacy (42 CFR Part 2)"),
    "cjis": _("criminal justice information (CJIS)"),
    "ferpa": _("student privacy (FERPA)"),
    "mandated_reporter": _("mandated reporting"),
}
_CODES = {
    "proposed": _("a new number was proposed"),
    "in_force": _("the new number counts"),
    "withdrawn": _("the proposal was withdrawn"),
    "shift:first": _("first on call"),
    "shift:second": _("second on call"),
    "shift:away": _("away"),
    "period:day": _("by the day"),
    "period:week": _("by the week"),
    "system_of_record": _("system of record"),
    "from_anywhere": _("from anywhere"),
    "keys_url": _("an address for its keys"),
    "no_keys_url": _("no address for its keys"),
    "gives_refresh": _("can be asked whether someone may go on"),
    "no_refresh": _("cannot be asked whether someone may go on"),
    "takes_notices:yes": _("takes referrals in Cairn"),
    "takes_notices:no": _("by phone only"),
    "staff_ref": _("a staff number"),
    "no_staff_ref": _("no staff number"),
    "card_on": _("switched on"),
    "card_replaced": _("a new code"),
    "card_off": _("switched off"),
}
WEEKDAYS = (
    *(_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday")),
    _("Sunday"),
)


def scope_words(scope: str) -> str:
    return str(SCOPES.get(scope, scope))


def key_words(key: Key) -> str:
    """Return words such as "RSA, 3072 bits"."""
    if key.bits:
        return gettext("RSA, {number} bits").format(number=key.bits)
    return key.kind


def quota_words(number: int) -> str:
    words = ngettext("{number} referral a day", "{number} referrals a day", number)
    return words.format(number=number)


def code_words(code: str, names: Mapping[UUID, str] | None = None) -> str:
    """Return a code of an entry in words. `names`: members and agencies by their ids; without it,
    as for an auditor who looks for one, an id is shown by its end."""
    kind, _colon, value = code.partition(":")
    for known in (_CODES, SCOPES, NAMES, KINDS, DUTIES):
        if code in known:
            return str(known[code])
    if kind in SETTINGS and not value:
        return str(SETTINGS[kind])
    match kind:
        case "system" if names is None:
            return gettext("system {code}").format(code=value[-8:])
        case "system":
            return gettext("a partner system")
        case "provider" if names is None:
            return gettext("sign-in {code}").format(code=value[-8:])
        case "provider":
            return gettext("the agency's own sign-in")
        case "invitation":
            return gettext("an invitation")
        case "member":
            if names is None:
                return gettext("member {code}").format(code=value[-8:])
            return _name(value, names) or gettext("a former member")
        case "shifts":
            words = ngettext("{number} shift", "{number} shifts", int(value))
            return words.format(number=value)
        case "agency":
            if names is None:
                return gettext("agency {code}").format(code=value[-8:])
            return _name(value, names) or gettext("another agency")
        case "key":
            return gettext("key {code}").format(code=value)
        case "terms":
            return gettext("version {version}").format(version=value.replace("_", "-"))
        case "networks":
            words = ngettext("from {number} network", "from {number} networks", int(value))
            return words.format(number=value)
        case "quota":
            return quota_words(int(value))
        case "retention_days":
            words = ngettext("kept for {number} day", "kept for {number} days", int(value))
            return words.format(number=value)
    return code.replace("_", " ")


def _name(value: str, names: Mapping[UUID, str]) -> str | None:
    return names.get(UUID(value)) if len(value) == 32 else None
