"""The agency's settings, for its agency_admin: hours, deadlines, retention, and whether it takes
referrals here."""

from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.agency import words
from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency.settings_form import (
    URGENCIES,
    ZONES,
    RetentionForm,
    SettingsForm,
    unit_words,
)
from api.desk.confirmation import Choice, ask_first
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import long_day, time_of_day
from permissions.enrollment import terms
from permissions.errors import NotVisible, StaleMatch
from permissions.models import Agency
from permissions.policy import disclosure
from referrals.deadlines import agency_settings, due_times
from referrals.deadlines.due_times import DURATIONS, PURGE_WARNING
from referrals.law import signed_off
from referrals.notifications.line_tests import silence


class Line(NamedTuple):
    """A setting in words: what counts now, and the network's own ('' where there is none)."""

    name: str
    now: str
    network: str


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show what is set, and change it."""
    agency = agency_settings.read_settings(visit.principal)
    refusal = None
    form = SettingsForm.shown(agency, agency_settings.version_of(agency))
    if request.method == "POST":
        form = SettingsForm(request.POST)
        if form.is_valid():
            try:
                seen = form.cleaned_data["seen"]
                changed = agency_settings.change_settings(visit.principal, form.changes(), seen)
            except StaleMatch as error:
                refusal = error
                form.add_error(None, _CHANGED)
            else:
                messages.success(request, _("Saved.") if changed else _("Nothing was changed."))
                return redirect("desk_agency_settings")
    context = {
        "form": form,
        "lines": _lines(agency),
        "agency": agency,
        "zones": ZONES,
        "silent": len(silence.of_agency(agency.id)),
        "network_has_terms": terms.current() is not None,
        "signs_notices": disclosure.notice_needs_release(visit.principal.duties),
        "law": signed_off.current(),
    }
    answer = page(request, "desk/agency/settings.html", context, refusal)
    if form.errors and refusal is None:
        answer.status_code = 400
    return answer


_CHANGED = _(
    "Someone else changed the settings since you opened this page. Open it again and check first."
)


def _lines(agency: Agency) -> list[Line]:
    calendar, usual = due_times.calendar(agency), due_times.calendar(Agency())
    own_hours = agency.opening_hours is not None
    found = [
        Line(str(words.SETTINGS["time_zone"]), agency.time_zone, ""),
        Line(
            str(words.SETTINGS["opening_hours"]),
            _week_words(calendar),
            _week_words(usual) if own_hours else "",
        ),
    ]
    for urgency, name in URGENCIES.items():
        own = due_times.durations(agency)[urgency]
        network = _numbers(urgency) if own != DURATIONS[urgency] else ""
        found.append(Line(str(name), _number_words(urgency, own), network))
    return found


def _week_words(calendar: due_times.Calendar) -> str:
    """Return the hours in words, days with the same hours together."""
    runs: list[list[Any]] = []
    for name, hours in zip(words.WEEKDAYS, calendar.week, strict=True):
        if runs and runs[-1][2] == hours:
            runs[-1][1] = name
        else:
            runs.append([name, name, hours])
    found = []
    for first, last, hours in runs:
        days = str(first) if first == last else f"{first}\N{EN DASH}{last}"
        span = "\N{EN DASH}".join(map(time_of_day, hours)) if hours else ""
        when = span or gettext("closed")
        found.append(capfirst(f"{days}: {when}"))
    return "\n".join(found)


def _numbers(urgency: str) -> str:
    return _number_words(urgency, DURATIONS[urgency])


def _number_words(urgency: str, own: due_times.Durations) -> str:
    return gettext(
        "look at it {ack}, accept or decline {accept}, hand-off {handoff}, expires {expires}"
        " ({unit})"
    ).format(**own._asdict(), unit=unit_words(urgency))


@require_http_methods(METHODS)
@signed_in
def retention(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for how many days referrals are kept. A page of its own says what follows."""
    agency = agency_settings.read_settings(visit.principal)
    form = RetentionForm(
        request.POST if request.method == "POST" else None,
        initial={"days": agency.retention_days},
    )
    if form.is_valid():
        days = form.cleaned_data["days"]
        if days != agency.retention_days:
            return redirect("desk_agency_retention_days", days)
        messages.success(request, _("Nothing was changed."))
        return redirect("desk_agency_settings")
    context = {"form": form, "agency": agency}
    answer = page(request, "desk/agency/retention.html", context)
    if form.errors:
        answer.status_code = 400
    return answer


@require_http_methods(METHODS)
@signed_in
def retention_days(request: HttpRequest, visit: Visit, days: int) -> HttpResponse:
    """Say what is deleted earlier or later, then set it."""
    agency = agency_settings.read_settings(visit.principal)
    least, most = agency_settings.RETENTION
    if not least <= days <= most:
        raise NotVisible
    if days == agency.retention_days:  # so already, perhaps since a moment ago
        return redirect("desk_agency_settings")
    if away := require_fresh_factor(request):
        return away
    if request.method == "POST":
        seen = agency_settings.version_of(agency)
        agency_settings.change_settings(visit.principal, {"retention_days": days}, seen)
        messages.success(request, _("Saved."))
        return redirect("desk_agency_settings")
    return ask_first(request, _choice(visit, agency, days))


def _choice(visit: Visit, agency: Agency, days: int) -> Choice:
    shorter = days < agency.retention_days
    kept = ngettext(
        "From now on your agency keeps its part of a referral for {number} day after the end.",
        "From now on your agency keeps its part of a referral for {number} days after the end.",
        days,
    ).format(number=days)
    title = ngettext("Keep referrals for {number} day?", "Keep referrals for {number} days?", days)
    return Choice(
        title=title.format(number=days),
        subject=gettext("Now: {number} days").format(number=agency.retention_days),
        follows=[kept, *(_earlier(visit, agency, days) if shorter else _later())],
        alarm=gettext("What is deleted cannot be brought back, not from a backup either.")
        if shorter
        else "",
        button=gettext("Keep them for a shorter time")
        if shorter
        else gettext("Keep them for a longer time"),
        keep=gettext("Leave it as it is"),
        back=reverse("desk_agency_settings"),
    )


def _earlier(visit: Visit, agency: Agency, days: int) -> list[str]:
    before = long_day(visit.now - timedelta(days=days))
    return [
        gettext(
            "Referrals that ended before {day} are deleted on our side: notice, packet, notes,"
            " history. Those that ended later follow on their day."
        ).format(day=before),
        gettext(
            "Each is announced to those who work on it first, and kept for {number} more days, so"
            " that they can save the report of disclosures."
        ).format(number=PURGE_WARNING.days),
        gettext("What is under a legal hold stays until the hold ends."),
        gettext("The other agency's part is kept for as long as that agency has set."),
    ]


def _later() -> list[str]:
    return [
        gettext("What was deleted already does not come back."),
        gettext("The longer something is kept, the more there is to be subpoenaed or stolen."),
    ]
