"""The access log for an agency's auditor: who of ours saw or did what, when, for what purpose."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api import cursors
from api.desk import words
from api.desk.forms import DeskForm, listed, moment
from api.desk.visit import Visit, signed_in
from permissions import review
from referrals.reading import Place

PER_PAGE = 50


class FilterForm(DeskForm):
    act = listed([("", "Any"), *words.LOGGED.items()], "What", required=False)
    decision = listed(
        [("", "Any"), ("allowed", "Done"), ("refused", "Refused")], "Decision", required=False
    )
    member = forms.UUIDField(label="Who", required=False, widget=forms.Select)
    referral = forms.UUIDField(
        label="Referral id", required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    since = moment("From", required=False)
    until = moment("Until, not included", required=False)

    def filters(self) -> dict[str, Any]:
        """As permissions/review.py takes them. A field that is wrong filters nothing."""
        given = self.cleaned_data
        return {
            "act": given.get("act") or None,
            "decision": given.get("decision") or None,
            "member_id": given.get("member"),
            "referral_id": given.get("referral"),
            "since": given.get("since"),
            "until": given.get("until"),
        }


@require_safe
@signed_in
def access_log(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Entries of the agency's own people and clients, newest first."""
    form = FilterForm(request.GET)
    form.is_valid()
    filters = form.filters()
    scope = "desk:access-log:" + ":".join(str(value) for value in filters.values())
    after = cursors.from_cursor(visit.principal, scope, request.GET.get("after"))
    read = review.access_log(visit.principal, after=after, limit=PER_PAGE, **filters)
    form.fields["member"].widget.choices = [  # type: ignore[attr-defined]
        ("", "Anybody"),
        *sorted(((str(id_), name) for id_, name in read.names.items()), key=lambda one: one[1]),
    ]
    last = read.entries[-1] if read.more else None
    cursor = cursors.to_cursor(visit.principal, scope, Place(last.at, last.id) if last else None)
    asked = {name: value for name, value in request.GET.items() if name in form.fields and value}
    context = {
        "form": form,
        "rows": [(entry, _who(entry, read.names)) for entry in read.entries],
        "filtered": bool(asked),
        "next": urlencode({**asked, "after": cursor}) if cursor else "",
    }
    return render(request, "desk/access_log.html", context)


def _who(entry: Any, names: dict[Any, str]) -> str:
    name = names.get(entry.member_id, "A former member") if entry.member_id else ""
    if entry.client_id:
        return f"Partner system, for {name}" if name else "Partner system"
    return name or "Nobody known"
