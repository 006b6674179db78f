"""The survivor's permission as pages: recorded, read, and the paper to print and sign."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from api.desk import labels
from api.desk.forms import PRIVATE, ActForm, listed, moment, one_of, some_of
from api.desk.referral.page import common, other_agency
from api.desk.referral.release_paper import TEXTS
from api.desk.request_context import Visit, page, signed_in
from api.desk.template_context import safety_in_spanish
from permissions.errors import NotVisible
from permissions.policy import disclosure
from referrals import codes
from referrals.acts import return_releases
from referrals.packet_fields import PACKET_FIELDS, never_to, under_part2
from referrals.queries import details
from referrals.queries.details import Detail
from referrals.releases import lifecycle
from referrals.releases.terms import Consenter, Terms

LASTS = (1, 3, 7, 30, 90)  # days


class ReleaseForm(ActForm):
    direction = "outbound"
    refused = {
        "basis": "basis",
        "form": "form",
        "attestation_missing": "attestations",
        "part2": "fields_",
        "promptly_inform": "promptly_informed",
        "signed_later": "signed_at",
        "expired": "lasts",
        "too_long": "lasts",
        "age_not_stated": "adult",
        "age_contradicted": "adult",
        "abuser": "not_the_abuser",
        "self_missing": "consenters",
        "consenter_missing": "consenters",
    }

    # Django's forms use the name `fields`
    fields_ = some_of(list(labels.FIELDS.items()), "What may they see")
    purpose = one_of(labels.choices(codes.RELEASE_PURPOSE), "What for", initial="receive_service")
    attestations = some_of([], "What she was told", required=False)
    basis = one_of([], "Kind of permission")
    form = one_of(
        list(labels.FORMS.items()),
        "How she gave it",
        help_text="She signs for alcohol or drug treatment, and for all that a program for it"
        " shares (42 CFR 2.31). Her word alone is not enough.",
    )
    signed_at = moment("When she gave it")
    lasts = one_of([], "How long it lasts")
    consenters = some_of(list(labels.CONSENTERS.items()), "Who consents", initial=["self"])
    not_the_abuser = forms.BooleanField(
        label="Nobody who consents for her abused her or the other parent", required=False
    )
    adult = forms.BooleanField(label="She is 18 or over", required=False)
    minor_may_consent_alone = forms.BooleanField(
        label="She is a minor and may lawfully receive this service alone", required=False
    )
    promptly_informed = listed([], "How she is told that it was shared", required=False)
    witnessed_by = listed([], "Who heard it, or saw her sign on this screen", required=False)
    evidence_ref = forms.CharField(
        label="Where the paper is kept",
        help_text="The paper stays with you. A place or number of yours: this line is not sealed,"
        " so write nothing about her here.",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        principal, referral = self.visit.principal, self.seen.referral
        allowed = disclosure.allowed_bases(principal.duties, self.direction)
        bases = [(basis, labels.BASES[basis]) for basis in allowed]
        self._offer("basis", bases, bases[0][0])
        theirs = other_agency(self.seen).kind
        needed = disclosure.attestations_needed(principal.agency_kind, theirs, "e_signature")
        told = [(code, said) for code, said in labels.ATTESTATIONS.items() if code in needed]
        self._offer("attestations", told, None)
        usual = disclosure.LONGEST[referral.urgency].days
        most = disclosure.longest_duration(referral.urgency, lead=principal.has_role("lead")).days
        days = [(str(n), "1 day" if n == 1 else f"{n} days") for n in LASTS if n <= most]
        self._offer("lasts", days, str(usual))
        if any(disclosure.BASES[basis].promptly_inform for basis in allowed):
            told_later = [
                ("", "Not this kind of permission"),
                *labels.choices(codes.PROMPTLY_INFORMED),
            ]
            self._offer("promptly_informed", told_later, None)
        else:
            del self.fields["promptly_informed"]
        of_age_since = referral.age_band == "minor" and referral.sent_at is not None
        if referral.age_band != "not_stated" and not of_age_since:  # the notice says it
            del self.fields["adult"]
        names = [(str(one), name) for one, name in self.seen.names.items()]
        self._offer("witnessed_by", names, str(principal.member_id))
        self.fields["signed_at"].initial = timezone.localtime(self.seen.now)

    def _offer(self, name: str, offered: list[tuple[str, str]], initial: str | None) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices, field.initial = offered, initial

    def arguments(self) -> dict[str, Any]:
        return {"terms": self.terms()}

    def terms(self) -> Terms:
        given = self.cleaned_data
        signed_at = given["signed_at"]
        return Terms(
            basis=given["basis"],
            purpose=given["purpose"],
            fields=tuple(given["fields_"]),
            form=given["form"],
            signed_at=signed_at,
            expires_at=signed_at + timedelta(days=int(given["lasts"])),
            attestations=tuple(given["attestations"]),
            consenters=tuple(
                Consenter(who, signed_at, given["not_the_abuser"]) for who in given["consenters"]
            ),
            minor_may_consent_alone=given["minor_may_consent_alone"],
            adult=given.get("adult", False),
            promptly_informed=given.get("promptly_informed") or None,
            evidence_ref=given["evidence_ref"],
            witnessed_by=UUID(given["witnessed_by"]) if given["witnessed_by"] else None,
        )


class ReturnReleaseForm(ReleaseForm):
    """A release back to the sender: three things, and no more."""

    direction = "return"
    fields_ = some_of(list(labels.RETURNED.items()), "What may the sender be told")


@require_safe
@signed_in
def returned(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Show what the recipient reported under the survivor's return release, or nothing if there is
    none."""
    seen = details.read_detail(visit.principal, referral_id)
    told = return_releases.read_returned(visit.principal, referral_id)
    lines = labels.returned(told.content) if told else []
    context = common(visit, seen) | {"told": told, "lines": lines}
    return page(request, "desk/returned.html", context)


class NarrowReleaseForm(ActForm):
    """What is ticked stays. An end that is not before the release's own is not offered."""

    AS_IT_IS = "as_it_is"
    ENDS = (("1", "In an hour"), ("8", "In 8 hours"), ("24", "Tomorrow"), ("72", "In 3 days"))
    refused = {"expired": "ends", "widening": "fields_"}

    fields_ = some_of([], "What may they still see")
    ends = one_of([], "When does it end", initial=AS_IT_IS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        release = self.seen.release
        until = release.expires_at if release else self.seen.now
        left = release.fields if release else []
        shown, ends = self.fields["fields_"], self.fields["ends"]
        assert isinstance(shown, forms.ChoiceField)
        assert isinstance(ends, forms.ChoiceField)
        shown.choices, shown.initial = [(name, labels.FIELDS[name]) for name in left], left
        ends.choices = [
            (self.AS_IT_IS, f"As it is: {labels.clock_time(until, self.seen.now)}"),
            *(
                (hours, said)
                for hours, said in self.ENDS
                if self.seen.now + timedelta(hours=int(hours)) < until
            ),
        ]

    @classmethod
    def comes_after(cls, seen: Detail) -> str:
        return "" if seen.release_in_force else "releases"

    def arguments(self) -> dict[str, Any]:
        ends = self.cleaned_data["ends"]
        later = None if ends == self.AS_IT_IS else self.seen.now + timedelta(hours=int(ends))
        return {"fields": self.cleaned_data["fields_"], "expires_at": later}


@require_safe
@signed_in
def releases(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """List every release that this side may know, newest first. Ended ones stay on record."""
    seen = details.read_detail(visit.principal, referral_id)
    kept = lifecycle.list_releases(visit.principal, referral_id)
    context = common(visit, seen) | {
        "releases": [
            {
                "release": one.release,
                "in_force": one.in_force,
                "back": one.release.direction == "return",
                "fields": [
                    labels.FIELDS.get(name) or labels.RETURNED[name] for name in one.release.fields
                ],
                "basis": labels.BASES[one.release.basis],
                "form": labels.FORMS[one.release.form],
                "told": [labels.ATTESTATIONS[code] for code in one.release.attestations],
                "consent": [labels.CONSENTERS[by["who"]] for by in one.release.consenters],
                "witness": seen.names.get(one.paper.witnessed_by, "") if one.paper else "",
                "paper": one.paper,
                "end": one.end,
            }
            for one in kept
        ]
    }
    return page(request, "desk/releases.html", context)


@require_safe
@signed_in
def release_paper(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Show the paper for the survivor to read and sign, in their language. It names only the two
    agencies."""
    language = request.GET.get("language", "en")
    if language not in TEXTS:
        raise NotVisible
    seen, text = details.read_detail(visit.principal, referral_id), TEXTS[language]
    if seen.side != "from":
        raise NotVisible
    principal, recipient = visit.principal, seen.to_agency.kind
    hidden = never_to(recipient)
    needed = disclosure.attestations_needed(principal.agency_kind, recipient, "written")
    days = disclosure.longest_duration(seen.referral.urgency, lead=False).days
    context = common(visit, seen) | {
        "language": language,
        "text": text,
        "lead": text.lead.format(
            sender=seen.from_agency.name,
            to=seen.to_agency.name,
            service=seen.referral.service_name,
        ),
        "fields": [text.fields[name] for name in PACKET_FIELDS if name not in hidden],
        "purposes": [text.purposes[code] for code in codes.RELEASE_PURPOSE],
        "longest": text.longest.format(days=days),
        "intermediary": text.intermediary.format(platform=disclosure.INTERMEDIARY),
        "told": [text.told[code] for code in disclosure.EVERY_ATTESTATION if code in needed],
        "who": [text.who[code] for code in disclosure.CONSENTERS],
        "signed": disclosure.BASES[disclosure.allowed_bases(principal.duties)[0]].signature
        or under_part2((), principal.duties),
    }
    if language == "es":
        context |= safety_in_spanish()
    return page(request, "desk/release_paper.html", context)
