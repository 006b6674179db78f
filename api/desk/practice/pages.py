"""Begin, join, leave and end an exercise. Which pages are there in one."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from api.accounts.exercise_session import enter, go_live
from api.desk.confirmation import Choice, ask_first
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.http.authentication import SESSION_KEY
from permissions.errors import NotPermitted, Refused
from permissions.practice import exercises


class CodeForm(DeskForm):
    refused = {"no_exercise": "code"}

    code = Text(
        label=_("Code of the exercise"),
        help_text=_("Eight letters. The person who leads the exercise says them."),
        max_length=20,
        widget=forms.TextInput(attrs=PRIVATE | {"autocapitalize": "characters"}),
    )


@require_http_methods(METHODS)
@signed_in
def practice(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the exercise that the member is in; or let them begin one, or join one by its code."""
    principal = visit.principal
    if not visit.does_casework:
        raise NotPermitted("role_missing", "Workers and leads take part in an exercise.")
    if principal.practices:
        about = exercises.overview(principal)
        return page(request, "desk/practice/exercise.html", {"exercise": about})
    joins = request.method == "POST" and "begin" not in request.POST
    form = CodeForm(request.POST if joins else None)
    refusal: Refused | None = None
    if request.method == "POST" and (not joins or form.is_valid()):
        try:
            joined = (
                exercises.join(principal, form.cleaned_data["code"])
                if joins
                else exercises.begin(principal)
            )
        except NotPermitted:
            raise
        except Refused as error:
            form.refuse(error) if joins else messages.error(request, gettext(error.detail))
            refusal = error
        else:
            enter(request, joined)
            messages.success(request, gettext("You are in the exercise. Nothing here is real."))
            return redirect("desk_practice")
    leads = principal.has_role("lead")
    return page(request, "desk/practice/join.html", {"form": form, "leads": leads}, refusal)


@require_POST
@signed_in
def leave(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Leave the exercise, to the live inbox or to a live referral. Twice is safe."""
    if visit.principal.practices:
        exercises.leave(visit.principal, request.session[SESSION_KEY])
        go_live(request)
        messages.success(request, gettext("You left practice. From here on everything is real."))
    return redirect("desk_new_referral" if "refer" in request.POST else "desk")


@require_http_methods(METHODS)
@signed_in
def end(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask first, then end the exercise for all who are in it. Twice is safe."""
    if not visit.principal.practices:
        return redirect("desk_practice")
    if request.method == "POST":
        exercises.end(visit.principal)
        go_live(request)
        messages.success(request, gettext("The exercise has ended, for everyone in it."))
        return redirect("desk_practice")
    return ask_first(
        request,
        Choice(
            title=gettext("End the exercise?"),
            subject=gettext("For everyone who is in it"),
            follows=[gettext("What was practiced is erased. The access log keeps that it was.")],
            button=gettext("End the exercise"),
            keep=gettext("Go on practicing"),
            back=reverse("desk_practice"),
        ),
    )
