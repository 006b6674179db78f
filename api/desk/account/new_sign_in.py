"""Setting up again what a member signs in with, by the link of a reset: a new password, then a new
passkey or authenticator app. permissions/enrollment/resets.py says who may ask for one."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django import forms
from django.conf import settings
from django.contrib import auth
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from api.desk.forms import DeskForm
from api.desk.request_context import page
from permissions.enrollment import resets
from permissions.identity import own_account
from permissions.models import Invitation, Person
from referrals.notifications.account_messages import tell_person

KEY = "invitation"  # in the session: the link's secret


class PasswordForm(DeskForm):
    """A new password, by the rules of each."""

    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters. You need it only where no passkey works."),
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if password := given.get("password"):
            try:
                like = Person(username=given.get("username", ""))
                password_validation.validate_password(password, like)
            except ValidationError as error:
                self.add_error("password", error)
        return given


def sign_in(request: HttpRequest, person: Person, method: str = "password") -> None:
    """Let a person on who has chosen their password just now, or ("agency") came back from their
    agency's own sign-in. No desk opens by this alone: that takes a second factor."""
    auth.login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
    record_authentication(request, person, method, username=person.username)


def turn(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    """Show the page whose turn it is, and take its form."""
    assert found.member is not None
    taken = resets.is_taken(found.id)
    person = request.user if isinstance(request.user, Person) else None
    theirs = person if person and person.id == found.member.person_id else None
    if taken and theirs and own_account.has_factor(theirs):
        resets.finish(secret)
        request.session.pop(KEY, None)
        return redirect("desk_agency")
    if taken and theirs:
        return page(request, "desk/reset_factor.html", {"member": found.member})
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic(using="signin"):
            person = resets.take(secret, form.cleaned_data["password"])
            tell_person(person.id, "account_changed")
        sign_in(request, person)
        return redirect("join")
    context = {"form": form, "member": found.member, "username": found.member.person.username}
    return page(request, "desk/reset_password.html", context)
