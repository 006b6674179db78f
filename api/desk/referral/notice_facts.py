"""The notice as a reader needs it: first what decides the answer, in one compact card; then the
rest."""

from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk import labels
from api.desk.times import clock_time
from permissions.database.db_identity import identified_transaction
from permissions.keys import grants
from permissions.principal import Principal
from referrals.models import Referral
from referrals.queries.details import Detail

NOT_STATED = _("Not stated")


class Fact(NamedTuple):
    title: str
    says: str
    emergency: bool = False


def first_facts(seen: Detail) -> list[Fact]:
    """Return what decides the answer: how urgent, what for, for whom, and where they are now. What
    the notice does not state is said too, so that no one takes it for a no."""
    sent = seen.side == "from"
    other = seen.to_agency.name if sent else seen.from_agency.name
    return [
        *notice_facts(seen.referral, seen.now),
        Fact(gettext("To") if sent else gettext("From"), other),
    ]


def notice_facts(referral: Referral, now: datetime) -> list[Fact]:
    """Return the same of the notice alone, also before it is saved."""
    return [
        Fact(
            gettext("Urgency"),
            labels.label("urgency", referral.urgency),
            referral.urgency == "emergency",
        ),
        Fact(gettext("Needs"), ", ".join(labels.labels("needs", referral.needs))),
        Fact(gettext("Wanted"), labels.label("wanted", referral.wanted)),
        Fact(gettext("Age"), _coded(referral, "age_band")),
        Fact(gettext("Language"), _language(referral)),
        Fact(gettext("Can talk now"), _can_talk(referral)),
        Fact(gettext("Who is there"), _who_is_there(referral, now)),
    ]


def other_facts(referral: Referral) -> list[Fact]:
    """Return the rest of what the notice states."""
    facts = []
    if referral.agreement:
        facts.append(Fact(gettext("Agreement"), labels.label("agreement", referral.agreement)))
    for title, name in OTHERS:
        if getattr(referral, name) != "not_stated":
            facts.append(Fact(str(title), _coded(referral, name)))
    if referral.access_needs:
        needs = ", ".join(labels.labels("access_needs", referral.access_needs))
        facts.append(Fact(gettext("Accessibility"), needs))
    return facts


OTHERS = ((_("Concern"), "concern"), (_("How many people"), "household_size"))


def not_stated(referral: Referral) -> str:
    """Return which of the other facts the notice leaves open."""
    missing = [str(title) for title, name in OTHERS if getattr(referral, name) == "not_stated"]
    return ", ".join(missing).lower()


def preview(principal: Principal, seen: Detail) -> dict[str, Any]:
    """Return what the other agency will be shown besides the first facts, and which fields it can
    open after it accepts, each with whether it is written."""
    with identified_transaction(principal):
        grant = grants.live_grant(principal, seen.referral.id)
    written = set(grant.fields) if grant else set()
    shared = seen.release.fields if seen.release and seen.release_in_force else []
    return {
        "others": other_facts(seen.referral),
        "shared": [(name, name in written) for name in shared],
    }


def _coded(referral: Referral, name: str) -> str:
    return labels.label(name, getattr(referral, name))


def _language(referral: Referral) -> str:
    parts = [_coded(referral, "language")]
    if referral.interpreter != "not_stated":
        how = _coded(referral, "interpreter").lower()
        parts.append(gettext("interpreter: {how}").format(how=how))
    elif referral.language not in ("en", "not_stated"):
        parts.append(gettext("interpreter: not stated"))
    if referral.interpreter_not_local:
        parts.append(gettext("non-local (no one who might know the survivor)"))
    return ", ".join(parts)


def _can_talk(referral: Referral) -> str:
    said = {True: gettext("Yes"), False: gettext("No")}
    return said.get(referral.survivor_can_talk_now) or str(NOT_STATED)  # type: ignore[arg-type]


def _who_is_there(referral: Referral, now: datetime) -> str:
    until = referral.with_worker_until
    if until is None:
        return str(NOT_STATED)
    time = clock_time(until, now)
    if until <= now:
        return gettext("No one any more: the worker stayed until {time}").format(time=time)
    return gettext("The worker, until {time}").format(time=time)
