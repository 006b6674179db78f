"""The notice as a form: a new referral, sent or kept as a draft; and a draft, changed or sent."""

import json
import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from api.desk import labels, unfinished_forms
from api.desk.forms import PRIVATE, ActForm, DeskForm, Group, Text, listed, one_of, some_of
from api.desk.practice.words import fix_texts
from api.desk.referral.notice_facts import notice_facts, other_facts, preview
from api.desk.referral.page import common
from api.desk.referral.release import call_instead
from api.desk.request_context import (
    METHODS,
    Visit,
    as_uuid,
    live_page,
    page,
    require_uuid,
    signed_in,
)
from api.desk.times import clock_time
from directory import listings
from directory.vocabulary import needs_met_by
from permissions.database.db_identity import identified_transaction
from permissions.enrollment import notice_opinions
from permissions.errors import NotVisible, Refused, TooOften
from permissions.identity import contact_channels
from permissions.models import Agency
from permissions.policy import rules
from referrals import codes, idempotency
from referrals.act_registry import transitions
from referrals.acts import agreement as consent
from referrals.acts import availability, sender
from referrals.models import Referral
from referrals.notices import Notice
from referrals.notifications import gaps
from referrals.queries import details
from referrals.queries.details import Detail

SHE_SAYS_NO = "no"  # never a code of ours: it is not stored (R14)
AGREEMENT = [*labels.choices(codes.AGREEMENT), (SHE_SAYS_NO, _("No"))]
STAYS = [
    ("not_stated", _("Not stated")),
    ("15", _("15 minutes")),
    ("30", _("30 minutes")),
    ("60", _("1 hour")),
    ("120", _("2 hours")),
    ("240", _("4 hours")),
]
EXTENSION = re.compile(r"[\s,;]*(?:extension|ext\.?|x|#)\s*(?=\d+\s*$)", re.IGNORECASE)
TALKS = [("not_stated", _("Not stated")), ("yes", _("Yes")), ("no", _("No"))]


class NoticeFields(DeskForm):
    """Coded throughout: it has no place for a name or a story."""

    urgency = one_of(labels.choices(codes.URGENCY), _("How urgent is it?"))
    needs = some_of(labels.choices(codes.NEEDS), _("What does the survivor need?"))
    callback = Text(
        label=_("Your callback number"),
        help_text=_("Never the survivor's number."),
        max_length=32,
        widget=forms.TextInput(attrs=PRIVATE | {"type": "tel"}),
    )
    wanted = one_of(labels.choices(codes.WANTED), _("What should they do?"), initial="call_worker")
    survivor_can_talk_now = listed(TALKS, _("Can the survivor talk now?"), required=False)
    stays = listed(STAYS, _("How long can you stay?"), required=False)
    concern = listed(labels.choices(codes.CONCERN), _("Type of situation"), required=False)
    age_band = listed(labels.choices(codes.AGE_BAND), _("Adult or minor"), required=False)
    household_size = listed(
        labels.choices(codes.HOUSEHOLD_SIZE), _("How many people need shelter?"), required=False
    )
    language = listed(labels.choices(codes.LANGUAGE), _("The survivor's language"), required=False)
    interpreter = listed(
        labels.choices(codes.INTERPRETER),
        _("Interpreter"),
        required=False,
        help_text=_("Do not use family members or anyone who came along."),
    )
    interpreter_not_local = forms.BooleanField(
        label=_("Non-local interpreter (no one who might know the survivor)"), required=False
    )
    access_needs = some_of(labels.choices(codes.ACCESS_NEEDS), _("Accessibility"), required=False)

    FIRST = (
        *("agreement", "urgency", "needs", "callback", "wanted", "survivor_can_talk_now"),
        "stays",
    )

    @property
    def groups(self) -> list[Group]:
        shown = {field.name: field for field in self.visible_fields()}
        first = [shown.pop(name) for name in self.FIRST if name in shown]
        return [Group("", first), Group(_("More, if you know it"), list(shown.values()))]

    def clean_callback(self) -> str:
        """Take an extension as people write it: 406-555-0123 ext. 22."""
        number: str = self.cleaned_data["callback"]
        return EXTENSION.sub(" x", number)

    def notice(self, now: datetime, staying_until: datetime | None = None) -> Notice:
        """Return the notice that was filled in. Raises BadRequest for an invalid phone number."""
        value = {name: given for name, given in self.cleaned_data.items() if given}
        stays, talks = value.get("stays", "not_stated"), value.get("survivor_can_talk_now")
        if stays.isdigit():
            staying_until = now + timedelta(minutes=int(stays))
        elif stays == "not_stated":
            staying_until = None
        coded = ("concern", "age_band", "household_size", "language", "interpreter")
        return Notice(
            urgency=value["urgency"],
            needs=tuple(value["needs"]),
            callback=value["callback"],
            wanted=value["wanted"],
            access_needs=tuple(value.get("access_needs", ())),
            with_worker_until=staying_until,
            interpreter_not_local=bool(value.get("interpreter_not_local")),
            survivor_can_talk_now={"yes": True, "no": False}.get(talks or ""),
            **{name: value.get(name, "not_stated") for name in coded},
        )


class NewReferralForm(NoticeFields):
    """`key` makes a second tap on a slow line harmless (Idempotency-Key)."""

    CANNOT_SAY = _("If the survivor cannot answer, choose that they come to you.")

    key = forms.UUIDField(widget=forms.HiddenInput)
    service = forms.UUIDField(widget=forms.HiddenInput)
    replaces = forms.UUIDField(widget=forms.HiddenInput, required=False)
    agreement = one_of(AGREEMENT, _("Does the survivor agree to this notice?"), required=False)

    def clean(self) -> dict[str, Any]:
        given, sent = self.cleaned_data, "send" in self.data
        if not given.get("agreement") and "agreement" not in self.errors:
            self.add_error(
                "agreement",
                _("Ask the survivor first. Nothing is saved or sent without their answer."),
            )
        cannot_say = given.get("agreement") == "cannot_say"
        if sent and cannot_say and given.get("wanted") != "come_here":
            self.add_error("wanted", self.CANNOT_SAY)  # R14, before a draft is kept
        return self.cleaned_data

    def idempotency_key(self) -> idempotency.Key:
        plain = {name: str(value) for name, value in sorted(self.cleaned_data.items())}
        body = json.dumps(plain, sort_keys=True).encode()
        return idempotency.Key("desk/referrals", plain["key"], body)


@require_http_methods(METHODS)
@signed_in
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Make a referral to one service of the directory that an agency of the network answers."""
    listing = find_service(request, visit)
    if listing is None:
        return to_directory(request)
    answered_by = Agency.objects.filter(id=listing.answered_by).first()  # type: ignore[misc]
    with identified_transaction(visit.principal):
        takes = listing.id in availability.open_to_referrals([listing])
    context: dict[str, Any] = {"listing": listing, "answered_by": answered_by, "takes": takes}
    context["signs"] = notice_opinions.must_sign(visit.principal)
    if answered_by and gaps.is_uncovered(answered_by.id):
        context["no_line"] = answered_by
    transitions.require(visit.principal, "create", rules.CallerRelation("from", True, True))
    if request.method != "POST":
        own = contact_channels.own_number(visit.principal)
        number = labels.as_dialed(own or visit.agency.duty_phone)
        fresh = {"key": uuid4(), "service": listing.id, "callback": number}
        fresh["needs"] = needs_met_by(listing.taxonomy_term_ids)
        before = _before(visit, request.GET.get("replaces"))
        if before:
            fresh |= _as_before(before)
            context["apart"] = visit.principal.member_id not in before.assigned
        if before and not context["apart"]:
            fresh["replaces"] = before.referral.id
        form = NewReferralForm(initial=fresh)
        kept = unfinished_forms.find(request, visit)
        if kept:
            unfinished_forms.fill_in(form, kept)
        fix_texts(form, visit.principal)
        context |= unfinished_forms.context_of(request, visit, kept)
        return live_page(request, "desk/new_referral.html", context | {"form": form})
    form = NewReferralForm(request.POST)
    fix_texts(form, visit.principal)
    refusal = None
    if "change" not in request.POST and form.is_valid():
        if form.cleaned_data["agreement"] == SHE_SAYS_NO:
            unfinished_forms.forget(request, visit)
            consent.record_no(visit.principal)
            return render(request, "desk/she_says_no.html", context)
        if call_instead.is_asked_for(visit, form.cleaned_data["agreement"]):
            unfinished_forms.forget(request, visit)
            return call_instead.call_page(request, visit, listing.id)
        try:
            notice = form.notice(visit.now)
            if "preview" in request.POST:
                return _preview(request, visit, form, notice, context)
            draft = sender.create(
                visit.principal,
                listing.id,
                notice,
                replaces=form.cleaned_data["replaces"],
                key=form.idempotency_key(),
            )
        except Refused as error:
            refusal = error
            form.refuse(error)
        else:
            unfinished_forms.forget(request, visit)
            if "send" not in request.POST:
                messages.success(request, _("Draft saved. Nothing was sent."))
                return redirect("desk_referral", draft.referral.id)
            return _send(request, visit, draft.referral, form.cleaned_data["agreement"])
    context |= unfinished_forms.context_of(request, visit, None)
    return live_page(request, "desk/new_referral.html", context | {"form": form}, refusal)


def _preview(
    request: HttpRequest,
    visit: Visit,
    form: NewReferralForm,
    notice: Notice,
    context: dict[str, Any],
) -> HttpResponse:
    """Show what the other agency would see, before anything is saved. The form goes along."""
    referral = Referral(**notice.values(), agreement=form.cleaned_data["agreement"])
    for name in form.fields:
        form.hide(name)
    shown = {"facts": notice_facts(referral, visit.now), "others": other_facts(referral)}
    context |= shown | {"form": form, "callback": notice.callback}
    return page(request, "desk/notice_preview.html", context)


def _before(visit: Visit, text: str | None) -> Detail | None:
    """Return the referral of the own agency that this one replaces."""
    before = as_uuid(text)
    seen = details.read_detail(visit.principal, before) if before else None
    return seen if seen and seen.side == "from" else None


def _as_before(seen: Detail) -> dict[str, Any]:
    """Return the earlier notice as initial values for the next service, to look over."""
    names = (field for field in NoticeFields.base_fields if hasattr(seen.referral, field))
    return {name: getattr(seen.referral, name) for name in names if name not in _NOT_AS_BEFORE}


_NOT_AS_BEFORE = ("survivor_can_talk_now",)  # true only at that time


@require_POST
@signed_in
def said_no(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The survivor does not want it sent: show the number for them, and keep nothing but the tally
    (R14). A "no" beyond the limit is not counted; the number is shown all the same."""
    listing = find_service(request, visit)
    if listing is None:
        return to_directory(request)
    place = unfinished_forms.place_of_new_referral(str(listing.id))
    unfinished_forms.forget(request, visit, place)
    with suppress(TooOften):
        consent.record_no(visit.principal)
    return render(request, "desk/she_says_no.html", {"listing": listing})


def find_service(request: HttpRequest, visit: Visit) -> listings.Listing | None:
    """Return the service that this is about, or None if none was named. Raises NotVisible if it
    does not exist, or for a caller without casework who named none."""
    text = request.POST.get("service") or request.GET.get("service")
    if not text and visit.does_casework:
        return None
    service_id = require_uuid(text)
    with identified_transaction(visit.principal):
        listing = listings.find(visit.principal, service_id)
    if listing is None:
        raise NotVisible
    return listing


def to_directory(request: HttpRequest) -> HttpResponse:
    """Redirect to where a service is chosen, and say why."""
    messages.warning(
        request, _("No service was chosen yet. Find it here, then continue from its page.")
    )
    return redirect("desk_directory")


def _send(request: HttpRequest, visit: Visit, draft: Referral, agreement: str) -> HttpResponse:
    """Send, then redirect to what the officer needs: for an emergency, the page with the number to
    call."""
    try:
        sender.send(visit.principal, draft.id, agreement)
    except Refused as refusal:
        why = gettext(refusal.detail)
        messages.error(request, gettext("Not sent. It is saved as a draft. {why}").format(why=why))
        if refusal.code == "notice_release_missing":
            return call_instead.to_sign(draft.id)
        return redirect("desk_referral", draft.id)
    if draft.urgency == "emergency":
        return redirect("desk_sent", draft.id)
    messages.success(request, _("Sent. They can see it now."))
    return redirect("desk_referral", draft.id)


# -- The draft -------------------------------------------------------------------------------------


class PutNoticeForm(ActForm, NoticeFields):
    KEPT = "as_before"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        referral = self.seen.referral
        for name in self.fields:
            if hasattr(referral, name):
                self.fields[name].initial = getattr(referral, name)
        talks = {True: "yes", False: "no", None: "not_stated"}[referral.survivor_can_talk_now]
        self.fields["survivor_can_talk_now"].initial = talks
        if until := referral.with_worker_until:
            stays = self.fields["stays"]
            assert isinstance(stays, forms.ChoiceField)
            time = clock_time(until, self.seen.now)
            as_before = (self.KEPT, gettext("Until {time}").format(time=time))
            stays.choices = [as_before, *STAYS]
            stays.initial = self.KEPT

    def arguments(self) -> dict[str, Any]:
        return {"notice": self.notice(self.seen.now, self.seen.referral.with_worker_until)}


class SendForm(ActForm):
    agreement = one_of(AGREEMENT, _("Does the survivor agree to this notice?"))


@require_http_methods(METHODS)
@signed_in
def send(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Send a draft. If the survivor does not agree it ends here, and nothing is sent."""
    seen = details.read_detail(visit.principal, referral_id)
    if request.method != "POST" and "send" not in seen.acts:
        return redirect("desk_referral", referral_id)
    form = SendForm(request.POST if request.method == "POST" else None, visit=visit, seen=seen)
    if request.method == "POST" and form.is_valid():
        agreement = form.cleaned_data["agreement"]
        if agreement == SHE_SAYS_NO:
            consent.record_no(visit.principal, referral_id)
            with identified_transaction(visit.principal):
                listing = listings.find(visit.principal, seen.referral.service_id)
            said_no = {"listing": listing, "draft": True}
            return render(request, "desk/she_says_no.html", said_no)
        if call_instead.is_asked_for(visit, agreement):
            service = seen.referral.service_id
            return call_instead.call_page(request, visit, service, referral_id)
        return _send(request, visit, seen.referral, agreement)
    context = common(visit, seen) | preview(visit.principal, seen) | {"form": form}
    if gaps.is_uncovered(seen.to_agency.id):
        context["no_line"] = seen.to_agency
    return page(request, "desk/send.html", context)
