"""The notice as a form: a new referral, sent or kept as a draft; and a draft, changed or sent."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from api.desk import labels
from api.desk.forms import PRIVATE, ActForm, DeskForm, Group, listed, one_of, some_of
from api.desk.referral.page import common
from api.desk.request_context import METHODS, Visit, as_uuid, page, signed_in
from directory import listings
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotVisible, Refused
from permissions.models import Agency
from permissions.policy import rules
from referrals import codes, idempotency
from referrals.act_registry import transitions
from referrals.acts import agreement as consent
from referrals.acts import availability, sender
from referrals.models import Referral
from referrals.notices import Notice
from referrals.queries import details
from referrals.queries.details import Detail

SHE_SAYS_NO = "no"  # never a code of ours: it is not stored (R14)
AGREEMENT = [*labels.choices(codes.AGREEMENT), (SHE_SAYS_NO, "She does not agree")]
STAYS = [
    ("not_stated", "Not stated"),
    ("15", "15 minutes"),
    ("30", "30 minutes"),
    ("60", "1 hour"),
    ("120", "2 hours"),
    ("240", "4 hours"),
]
TALKS = [("not_stated", "Not stated"), ("yes", "Yes"), ("no", "No")]


class NoticeFields(DeskForm):
    """Coded throughout: it has no place for a name or a story."""

    urgency = one_of(labels.choices(codes.URGENCY), "How urgent is it")
    needs = some_of(labels.choices(codes.NEEDS), "What does she need")
    callback = forms.CharField(
        label="Where do they reach you",
        help_text="Your number. Never hers.",
        max_length=32,
        widget=forms.TextInput(attrs=PRIVATE | {"type": "tel"}),
    )
    wanted = one_of(labels.choices(codes.WANTED), "What should they do", initial="call_worker")
    survivor_can_talk_now = listed(TALKS, "Can she talk now", required=False)
    stays = listed(STAYS, "How long can you stay with her", required=False)
    concern = listed(labels.choices(codes.CONCERN), "What is it about", required=False)
    age_band = listed(labels.choices(codes.AGE_BAND), "Adult or minor", required=False)
    household_size = listed(
        labels.choices(codes.HOUSEHOLD_SIZE), "How many people need a place", required=False
    )
    language = listed(labels.choices(codes.LANGUAGE), "Her language", required=False)
    interpreter = listed(
        labels.choices(codes.INTERPRETER),
        "Interpreter",
        required=False,
        help_text="Never her family, nor anybody who came with her.",
    )
    interpreter_not_local = forms.BooleanField(
        label="Not a local interpreter: nobody who may know her", required=False
    )
    access_needs = some_of(labels.choices(codes.ACCESS_NEEDS), "Access", required=False)

    FIRST = ("urgency", "needs", "callback", "wanted", "survivor_can_talk_now", "stays")
    LAST = ("agreement",)

    @property
    def groups(self) -> list[Group]:
        known = [field for field in self.visible_fields() if field.name not in self.LAST]
        return [
            Group("", [field for field in known if field.name in self.FIRST]),
            Group(
                "More, if you know it", [field for field in known if field.name not in self.FIRST]
            ),
            Group("", [field for field in self.visible_fields() if field.name in self.LAST]),
        ]

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

    CANNOT_SAY = "She cannot say now: ask only that somebody comes here."

    key = forms.UUIDField(widget=forms.HiddenInput)
    service = forms.UUIDField(widget=forms.HiddenInput)
    replaces = forms.UUIDField(widget=forms.HiddenInput, required=False)
    agreement = one_of(AGREEMENT, "Does she agree to this notice", required=False)

    def clean(self) -> dict[str, Any]:
        given, sent = self.cleaned_data, "send" in self.data
        cannot_say = given.get("agreement") == "cannot_say"
        if sent and cannot_say and given.get("wanted") != "come_here":
            self.add_error("wanted", self.CANNOT_SAY)  # R14, before a draft is kept
        if sent and not given.get("agreement"):
            self.add_error("agreement", "Say whether she agrees. Without it nothing is sent.")
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
    answered_by = Agency.objects.filter(id=listing.answered_by).first()
    with identified_transaction(visit.principal):
        takes = listing.id in availability.open_to_referrals([listing])
    context: dict[str, Any] = {"listing": listing, "answered_by": answered_by, "takes": takes}
    if request.method != "POST":
        fresh = {"key": uuid4(), "service": listing.id, "callback": visit.agency.duty_phone}
        transitions.require(visit.principal, "create", rules.CallerRelation("from", True, True))
        before = _before(visit, request.GET.get("replaces"))
        if before:
            fresh |= _as_before(before)
            context["apart"] = visit.principal.member_id not in before.assigned
        if before and not context["apart"]:
            fresh["replaces"] = before.referral.id
        return page(
            request, "desk/new_referral.html", context | {"form": NewReferralForm(initial=fresh)}
        )
    form = NewReferralForm(request.POST)
    refusal = None
    if form.is_valid():
        if form.cleaned_data["agreement"] == SHE_SAYS_NO:
            consent.record_no(visit.principal)
            return render(request, "desk/she_says_no.html", context)
        try:
            draft = sender.create(
                visit.principal,
                listing.id,
                form.notice(visit.now),
                replaces=form.cleaned_data["replaces"],
                key=form.idempotency_key(),
            )
        except Refused as error:
            refusal = error
            form.refuse(error)
        else:
            if "send" not in request.POST:
                messages.success(request, "Kept as a draft. Nothing was sent.")
                return redirect("desk_referral", draft.referral.id)
            return _send(request, visit, draft.referral, form.cleaned_data["agreement"])
    return page(request, "desk/new_referral.html", context | {"form": form}, refusal)


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
    (R14)."""
    listing = find_service(request, visit)
    if listing is None:
        return to_directory(request)
    consent.record_no(visit.principal)
    return render(request, "desk/she_says_no.html", {"listing": listing})


def find_service(request: HttpRequest, visit: Visit) -> listings.Listing | None:
    """Return the service that this is about, or None if none was named. Raises NotVisible if it
    does not exist, or for a caller without casework who named none."""
    text = request.POST.get("service") or request.GET.get("service")
    if not text and visit.does_casework:
        return None
    service_id = as_uuid(text)
    if service_id is None:
        raise NotVisible
    with identified_transaction(visit.principal):
        listing = listings.find(visit.principal, service_id)
    if listing is None:
        raise NotVisible
    return listing


def to_directory(request: HttpRequest) -> HttpResponse:
    """Redirect to where a service is chosen, and say why."""
    messages.warning(request, "No service was chosen yet. Find it here, then go on from its page.")
    return redirect("desk_directory")


def _send(request: HttpRequest, visit: Visit, draft: Referral, agreement: str) -> HttpResponse:
    """Send, then redirect to what the officer needs: for an emergency, the page with the number to
    call."""
    try:
        sender.send(visit.principal, draft.id, agreement)
    except Refused as refusal:
        messages.error(request, f"Not sent; it is kept as a draft. {refusal.detail}")
        return redirect("desk_referral", draft.id)
    if draft.urgency == "emergency":
        return redirect("desk_sent", draft.id)
    messages.success(request, "Sent. They see it now.")
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
            as_before = (self.KEPT, f"Until {labels.clock_time(until, self.seen.now)}")
            stays.choices = [as_before, *STAYS]
            stays.initial = self.KEPT

    def arguments(self) -> dict[str, Any]:
        return {"notice": self.notice(self.seen.now, self.seen.referral.with_worker_until)}


class SendForm(ActForm):
    agreement = one_of(AGREEMENT, "Does she agree to this notice")


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
        return _send(request, visit, seen.referral, agreement)
    context = common(visit, seen) | {"form": form}
    return page(request, "desk/send.html", context)
