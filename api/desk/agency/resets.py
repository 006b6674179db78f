"""Resets of what a member signs in with: asked for by a second person, confirmed by another."""

from uuid import UUID

from django.contrib import messages as notes
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.confirmation import Choice, ask_first
from api.desk.request_context import METHODS, Visit, page, require_uuid, signed_in
from permissions.enrollment import resets
from referrals.notifications.account_messages import tell_person


@require_http_methods(METHODS)
@signed_in
def ask(request: HttpRequest, visit: Visit, member_id: UUID) -> HttpResponse:
    """Ask first what follows, then send the member the link."""
    subject = resets.name_of(visit.principal, member_id)
    if away := require_fresh_factor(request):
        return away
    if request.method == "POST":
        with transaction.atomic(using="signin"):
            number = resets.ask(visit.principal, member_id)
            for person_id in resets.to_tell(member_id):
                tell_person(person_id, "sign_in_reset")
        words = ngettext(
            "A link is on its way to {number} contact of theirs.",
            "A link is on its way to {number} contacts of theirs.",
            number,
        )
        notes.success(request, words.format(number=number))
        return redirect("desk_resets")
    choice = Choice(
        title=gettext("Let this member set up their sign-in again?"),
        subject=subject,
        follows=[
            gettext(
                "First speak with them, on a number that you know. Someone else may be asking in"
                " their name."
            ),
            gettext(
                "A link goes to contacts that they confirmed three days ago or earlier. You never"
                " see it."
            ),
            gettext(
                "When they use it, all they signed in with before ends. They open no packet until"
                " another lead or administrator confirms that it was them."
            ),
        ],
        button=gettext("Send them the link"),
        keep=gettext("Back, change nothing"),
        back=reverse("desk_resets"),
    )
    return ask_first(request, choice)


@require_http_methods(METHODS)
@signed_in
def waiting(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show whom the caller may help, and whose reset waits; confirm one."""
    if request.method == "POST":
        member_id = require_uuid(request.POST.get("which"))
        if away := require_fresh_factor(request):
            return away
        resets.confirm(visit.principal, member_id)
        notes.success(request, gettext("Confirmed. They can open packets again."))
        return redirect("desk_resets")
    found = resets.overview(visit.principal)
    return page(request, "desk/resets.html", {"found": found, "now": visit.now})
