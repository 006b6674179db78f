"""A lawyer's opinion on notices without a signature: recorded and ended by the administrator."""

from django import forms
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.enrollment import notice_opinions
from permissions.errors import NotVisible, Refused
from permissions.policy import disclosure

DAY = forms.DateInput(attrs={"type": "date"})


class OpinionForm(DeskForm):
    lawyer = Text(
        label=_("The lawyer who says so"),
        max_length=notice_opinions.LONGEST_NAME,
        widget=forms.TextInput(attrs=PRIVATE),
    )
    dated = forms.DateField(label=_("Day of the opinion"), widget=DAY)
    until = forms.DateField(
        label=_("Until"), widget=DAY, help_text=_("Within a year. It then ends by itself.")
    )


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show what was recorded; record an opinion, or end those that count."""
    principal = visit.principal
    kept = notice_opinions.opinions(principal)  # for administrators
    if not disclosure.notice_needs_release(principal.duties):
        raise NotVisible
    if request.method == "POST" and (away := require_fresh_factor(request)):
        return away
    ends = "end" in request.POST
    form = OpinionForm(request.POST if request.method == "POST" and not ends else None)
    refusal: Refused | None = None
    if ends:
        notice_opinions.end(principal)
        notes.success(request, gettext("Ended. Notices need a signature again."))
        return redirect("desk_notice_opinion")
    if form.is_bound and form.is_valid():
        try:
            notice_opinions.record(principal, **form.cleaned_data)
        except Refused as error:
            form.refuse(error)
            refusal = error
        else:
            notes.success(request, gettext("Recorded. It is in your agency's log of changes."))
            return redirect("desk_notice_opinion")
    context = {
        "form": form,
        "signs": notice_opinions.must_sign(principal),
        "opinions": kept,
    }
    return page(request, "desk/agency/notice_opinion.html", context, refusal)
