"""How an act on a referral is a page: it asks, does, says what was done, and leads back. The act's
entry holds what the page says and asks (referrals/act_registry/registry.py)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import labels, unfinished_forms
from api.desk.forms import PRIVATE, ActForm, OnceForm, Text, moment, one_of
from api.desk.practice.words import fix_texts
from api.desk.referral.page import common, referral_page
from api.desk.request_context import METHODS, Visit, live_page, signed_in
from permissions.errors import NotPermitted, NotVisible, Refused
from referrals.act_registry import fields as act_fields
from referrals.act_registry.registry import Act, Answer, Page
from referrals.queries import details

View = Callable[..., HttpResponseBase]


def act_view(act: Act, form_class: type[ActForm]) -> View:
    """Make the view of an act: GET asks, POST does it and leads back to the referral."""
    says = page_of(act)

    @require_http_methods(METHODS)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        seen = details.read_detail(visit.principal, referral_id)
        posted = request.method == "POST"
        unfinished = None if posted else unfinished_forms.find(request, visit)
        refused = unfinished.data if unfinished and unfinished.refused else None
        if not posted and refused is None:
            if act.name not in seen.acts:
                messages.error(request, _("That cannot be done now. See the state below."))
                return redirect("desk_referral", referral_id)
            if first := form_class.comes_after(seen):
                return redirect(f"desk_{first}", referral_id)
        form = form_class(request.POST if posted else refused, visit=visit, seen=seen)
        fix_texts(form, visit.principal)
        refusal = None
        if posted and form.is_valid():
            try:
                act.do(visit.principal, referral_id, **_arguments(act, form))
            except (NotVisible, NotPermitted):
                raise
            except Refused as error:
                refusal = error
                form.refuse(error)
            else:
                unfinished_forms.forget(request, visit)
                messages.success(request, gettext(says.done))
                return redirect("desk_referral", referral_id)
        if posted and unfinished_forms.is_private(form):
            return unfinished_forms.replay_form(request, visit, form)
        if refused is not None:
            unfinished_forms.show_reasons(form, refused)
        elif unfinished:
            unfinished_forms.fill_in(form, unfinished)
        fix_texts(form, visit.principal)
        context = common(visit, seen) | {"act": act.name, "says": says, "form": form}
        context |= unfinished_forms.context_of(request, visit, unfinished)
        return live_page(request, "desk/act.html", context, refusal)

    return view


def at_once(act: Act) -> View:
    """Make the view of an act without a question, posted from the referral's page."""
    says = page_of(act)

    @require_http_methods(METHODS)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        if request.method == "POST":
            try:
                act.do(visit.principal, referral_id)
            except (NotVisible, NotPermitted):
                raise
            except Refused as refusal:
                return referral_page(request, visit, referral_id, refusal)
            messages.success(request, gettext(says.done))
            if request.POST.get("from") == "inbox":
                return redirect("desk")
        return redirect("desk_referral", referral_id)

    return view


def page_of(act: Act) -> Page:
    """Return what the act's entry says of its page. Raises ImproperlyConfigured if it has none."""
    if act.page is None:
        raise ImproperlyConfigured(f"The act {act.name} has no page.")
    return act.page


def _arguments(act: Act, form: ActForm) -> dict[str, Any]:
    once = {"key": form.idempotency_key()} if isinstance(form, OnceForm) else {}
    return form.arguments() | once


# -- A form made of the entry ----------------------------------------------------------------------


def form_of(act: Act) -> type[ActForm]:
    """Make the form that asks for each field of the act's entry."""
    fields = act.body.fields if act.body else ()

    def arguments(form: ActForm) -> dict[str, Any]:
        values = form.cleaned_data
        return {
            field.parameter: None
            if field.default is None and not values[field.name]
            else values[field.name]
            for field in fields
        }

    base = OnceForm if act.answer is Answer.RECORD else ActForm
    parts = {field.name: _asked(act, field) for field in fields}
    more = {"act": act.name, "refused": page_of(act).refused, "arguments": arguments}
    made: type[ActForm] = type(f"{act.name}_form", (base,), {**parts, **more})
    return made


def _asked(act: Act, field: act_fields.Field) -> forms.Field:
    required = field.default is not None
    match field:
        case act_fields.Code() if field.question and required:
            return one_of(
                labels.choices(field.codes),
                gettext_lazy(field.question),
                initial=field.chosen,
                help_text=gettext_lazy(field.hint),
            )
        case act_fields.Moment() if field.question:
            return moment(
                gettext_lazy(field.question), required=required, help_text=gettext_lazy(field.hint)
            )
        case act_fields.Text() if field.question:
            lines = PRIVATE | {"rows": field.lines}
            widget = forms.Textarea(lines) if field.lines > 1 else forms.TextInput(PRIVATE)
            return Text(
                label=gettext_lazy(field.question),
                max_length=field.longest,
                required=required,
                help_text=gettext_lazy(field.hint),
                widget=widget,
            )
    raise ImproperlyConfigured(
        f"The desk cannot ask for {field.name} of {act.name} by itself: write its form by hand and"
        " name it in api/desk/referral/acts.py."
    )
