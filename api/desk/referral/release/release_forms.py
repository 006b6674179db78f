"""The survivor's permission as a form: recorded in steps, and narrowed."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from api import languages
from api.desk import labels
from api.desk.forms import PRIVATE, ActForm, Text, choices_of, listed, moment, one_of, some_of
from api.desk.referral.page import other_agency
from api.desk.referral.release import asking, call_instead
from api.desk.referral.step_view import Step, StepsForm
from api.desk.times import clock_time
from api.texts import StrOrPromise
from permissions.policy import disclosure
from referrals import codes
from referrals.law import minors, texts
from referrals.packet_fields import never_to, under_part2
from referrals.queries.details import Detail
from referrals.releases.terms import Consenter, Terms

LASTS = (1, 3, 7, 30, 90)  # days
OF_A_MINOR = ("parent", "guardian")


class ReleaseForm(StepsForm):
    STEPS: ClassVar[tuple[Step, ...]] = (
        Step(_("What they may see"), ("fields_", "purpose", "basis")),
        Step(_("How and when they said yes"), ("form", "signed_at", "lasts")),
        Step(
            _("Who consents, and what they were told"),
            (
                *("consenters", "adult", "minor_may_consent_alone", "not_the_abuser"),
                *("attestations", "promptly_informed", "witnessed_by", "evidence_ref"),
                *("phone_is_safe", "language"),
            ),
        ),
    )
    direction = "outbound"
    refused = {
        "basis": "basis",
        "form": "form",
        "signature_missing": "form",
        "attestation_missing": "attestations",
        "part2": "fields_",
        "part2_legal_alone": "purpose",
        "not_a_government_authority": "basis",
        "minor_by_agreement": "basis",
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
    fields_ = some_of(list(labels.FIELDS.items()), _("What may they see?"))
    purpose = one_of(
        labels.choices(codes.RELEASE_PURPOSE), _("What for?"), initial="receive_service"
    )
    attestations = some_of([], _("What the survivor was told"), required=False)
    basis = one_of([], _("Kind of permission"))
    form = one_of(
        list(labels.FORM_CHOICES.items()),
        _("How they gave it"),
        help_text=_(
            "Substance-use treatment information needs a signature (42 CFR 2.31). Verbal"
            " permission is not enough."
        ),
    )
    signed_at = moment(
        _("When they gave it"),
        help_text=_("If they sign on a screen or a phone, the time is that of the signature."),
    )
    lasts = one_of([], _("How long it lasts"))
    consenters = some_of(list(labels.CONSENTERS.items()), _("Who consents"), initial=["self"])
    not_the_abuser = forms.BooleanField(
        label=_("The person consenting is not the abuser"), required=False
    )
    adult = forms.BooleanField(label=_("The survivor is 18 or over"), required=False)
    minor_may_consent_alone = forms.BooleanField(
        label=_("The survivor is a minor and may lawfully receive this service alone"),
        help_text=_(minors.ALONE.text),
        required=False,
    )
    promptly_informed = listed([], _("How they learn that it was shared"), required=False)
    witnessed_by = listed([], _("Who heard it, or saw them sign on this screen"), required=False)
    phone_is_safe = one_of(
        [("yes", _("Yes")), ("no", _("No, or they are not sure"))],
        _("Is their phone safe?"),
        help_text=_(
            "Safe: only they use it, and no one else can see what they do on it. Ask them first."
        ),
        required=False,
    )
    language = listed([], _("Language of the page they sign"), required=False)
    evidence_ref = Text(
        label=_("Where the paper is kept"),
        help_text=_(
            "The paper stays with you. A place or number of yours: this line is not sealed,"
            " so write nothing about the survivor here."
        ),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        principal, referral = self.visit.principal, self.seen.referral
        theirs = other_agency(self.seen).kind
        allowed = disclosure.allowed_bases(principal.duties, theirs, self.direction)
        self._rows = {
            row.basis: row
            for row in disclosure.rows_for(principal.duties, self.direction)
            if row.basis in allowed
        }
        bases = [(basis, labels.BASES[basis]) for basis in allowed]
        self._offer("basis", bases, bases[0][0])
        if self.visit.practices:  # a name that is drawn would be a real person's
            kept = [one for one in labels.FORM_CHOICES.items() if one[0] not in disclosure.DRAWN]
            self._offer("form", kept, None)
        self._offer("attestations", self._told(allowed, "e_signature"), None)
        if self.direction == "outbound":
            never = never_to(theirs)
            shared = [one for one in labels.FIELDS.items() if one[0] not in never]
            self._offer("fields_", shared, None)
        if theirs == "prosecution":
            said = texts.prosecution(principal.agency_kind, principal.duties)
            self.fields["attestations"].help_text = " ".join(gettext(one.text) for one in said)
        if referral.age_band == "minor":
            said = texts.privacy_of_minors(principal.agency_kind, principal.duties)
            self.fields["consenters"].help_text = " ".join(gettext(one.text) for one in said)
        usual = disclosure.LONGEST[referral.urgency].days
        most = disclosure.longest_duration(referral.urgency, lead=principal.has_role("lead")).days
        days = [
            (str(n), ngettext("{days} day", "{days} days", n).format(days=n))
            for n in LASTS
            if n <= most
        ]
        self._offer("lasts", days, str(usual))
        if any(row.promptly_inform for row in self._rows.values()):
            told_later = [
                ("", _("Does not apply")),
                *labels.choices(codes.PROMPTLY_INFORMED),
            ]
            self._offer("promptly_informed", told_later, None)
        else:
            del self.fields["promptly_informed"]
        of_age_since = referral.age_band == "minor" and referral.sent_at is not None
        if referral.age_band != "not_stated" and not of_age_since:  # the notice says it
            del self.fields["adult"]
        elif of_age_since:
            self.fields["adult"].label = _("The survivor has turned 18 since the notice was sent")
        papers = languages.named("papers")
        theirs_too = referral.language in dict(papers)
        self._offer("language", papers, referral.language if theirs_too else languages.SOURCE)
        names = [(str(one), name) for one, name in self.seen.names.items()]
        self._offer("witnessed_by", names, str(principal.member_id))
        self.fields["signed_at"].initial = f"{timezone.localtime(self.seen.now):%Y-%m-%dT%H:%M}"

    def narrow(self) -> None:
        given = {name: self[name].value() for name in self.fields}
        row = self._rows.get(given["basis"])
        if len(choices_of(self.fields["basis"])) == 1:
            self.hide("basis")
        duties = self.visit.principal.duties
        part2 = under_part2(given.get("fields_") or (), duties)
        if row and (part2 or "oral_witnessed" not in row.forms):
            offered = choices_of(self.fields["form"])
            self._offer("form", [one for one in offered if one[0] in disclosure.SIGNED], None)
        if given["form"] in disclosure.FORMS:
            bases = (row.basis,) if row else tuple(self._rows)
            self._offer("attestations", self._told(bases, given["form"]), None)
            self.hide("evidence_ref" if given["form"] != "written" else "witnessed_by")
        if given["form"] not in disclosure.DRAWN:
            self.hide("language")
        if given["form"] != "own_phone":
            self.hide("phone_is_safe")
        if row and not row.promptly_inform and "promptly_informed" in self.fields:
            self.hide("promptly_informed")
        if self.seen.referral.age_band == "adult":
            self.hide("minor_may_consent_alone")
            self.hide("not_the_abuser")
            of_age = [one for one in labels.CONSENTERS.items() if one[0] not in OF_A_MINOR]
            self._offer("consenters", of_age, self.fields["consenters"].initial)

    def _told(self, bases: Iterable[str], form: str) -> list[tuple[str, StrOrPromise]]:
        """Return what must be attested under these bases, in the order of the codes."""
        theirs, own = other_agency(self.seen).kind, self.visit.principal.agency_kind
        needed = {
            code
            for basis in bases
            for code in disclosure.attestations_for(self._rows[basis], own, theirs, form)
        }
        needed.discard(disclosure.PHONE_IS_SAFE)  # a question of its own
        return [one for one in labels.ATTESTATIONS.items() if one[0] in needed]

    def _offer(self, name: str, offered: Iterable[tuple[str, StrOrPromise]], initial: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices, field.initial = offered, initial

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("form") == "own_phone" and given.get("phone_is_safe") != "yes":
            self.add_error(
                "phone_is_safe",
                _("Do not use a phone that may not be safe. Choose this screen, or paper."),
            )
        return given

    def leads_to(self, act: str) -> HttpResponse | None:
        if self.cleaned_data["form"] not in disclosure.DRAWN:
            return None
        language = self.cleaned_data["language"] or languages.SOURCE
        return asking.begin(self.visit, self.seen, act, self.terms(), language)

    def arguments(self) -> dict[str, Any]:
        return {"terms": self.terms()}

    def terms(self) -> Terms:
        given = self.cleaned_data
        drawn = given["form"] in disclosure.DRAWN
        signed_at = self.seen.now if drawn else given["signed_at"]
        attested = tuple(given["attestations"])
        if given["form"] == "own_phone":
            attested += (disclosure.PHONE_IS_SAFE,)
        if given.get("adult") and self.seen.referral.age_band == "minor":
            attested += (disclosure.CAME_OF_AGE,)  # all that the box says with such a notice
        return Terms(
            basis=given["basis"],
            purpose=given["purpose"],
            fields=tuple(given.get("fields_", ())),
            form=given["form"],
            signed_at=signed_at,
            expires_at=signed_at + timedelta(days=int(given["lasts"])),
            attestations=attested,
            consenters=tuple(
                Consenter(who, signed_at, given["not_the_abuser"]) for who in given["consenters"]
            ),
            minor_may_consent_alone=given["minor_may_consent_alone"],
            adult=given.get("adult", False),
            promptly_informed=given.get("promptly_informed") or None,
            evidence_ref="" if drawn else given["evidence_ref"],
            witnessed_by=UUID(given["witnessed_by"]) if given["witnessed_by"] else None,
        )


class NoticeReleaseForm(ReleaseForm):
    """The survivor's permission for the notice itself, before it is sent: no field to choose."""

    STEPS = (
        Step(_("How and when they said yes"), ("purpose", "basis", "form", "signed_at", "lasts")),
        ReleaseForm.STEPS[-1],
    )
    direction = "notice"
    fields_ = None  # type: ignore[assignment]  # how Django leaves a field out

    @property
    def calls_instead(self) -> bool:
        """Whether nothing may be sent without this signature, so that a call is what is left."""
        return call_instead.is_asked_for(self.visit, "cannot_say")


class RevokeReleaseForm(ActForm):
    """Which permission ends is asked only where there is one for the notice, too."""

    via = one_of(
        labels.choices(codes.REVOKED_VIA), _("How did the survivor end it?"), initial="oral"
    )
    covers = one_of(labels.choices(codes.COVERS), _("Which permission ends?"), initial="packet")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.seen.notice_released:
            del self.fields["covers"]
        elif self.seen.release is None or self.seen.release_ended:
            covers = self.fields["covers"]
            assert isinstance(covers, forms.ChoiceField)
            covers.choices = [one for one in choices_of(covers) if one[0] == "notice"]
            covers.initial = "notice"

    def arguments(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.fields}


class ReturnReleaseForm(ReleaseForm):
    """A release back to the sender: three things, and no more."""

    direction = "return"
    fields_ = some_of(list(labels.RETURNED.items()), _("What may the sender see?"))


class NarrowReleaseForm(ActForm):
    """What is ticked stays. An end that is not before the release's own is not offered."""

    AS_IT_IS = "as_it_is"
    ENDS = (
        ("1", _("In an hour")),
        ("8", _("In 8 hours")),
        ("24", _("Tomorrow")),
        ("72", _("In 3 days")),
    )
    refused = {"expired": "ends", "widening": "fields_"}

    fields_ = some_of([], _("What can they still see?"))
    ends = one_of([], _("When does it end?"), initial=AS_IT_IS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        release = self.seen.release
        until = release.expires_at if release else self.seen.now
        left = release.fields if release else []
        shown, ends = self.fields["fields_"], self.fields["ends"]
        assert isinstance(shown, forms.ChoiceField)
        assert isinstance(ends, forms.ChoiceField)
        as_it_is = clock_time(until, self.seen.now)
        shown.choices, shown.initial = [(name, labels.FIELDS[name]) for name in left], left
        ends.choices = [
            (self.AS_IT_IS, gettext("No change: {time}").format(time=as_it_is)),
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
