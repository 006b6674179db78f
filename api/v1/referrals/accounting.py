"""The accounting of disclosures: what a survivor is given of their agency's own log."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint, WithFieldsMember
from api.http.json_bodies import Answer
from api.v1.shapes import REFUSALS, PurposeIn, said_of
from openapi.schema import ACTING_MEMBER, problems, signed_in
from permissions.policy import disclosure
from referrals import accounting
from referrals.accounting import Accounting, Disclosure, NoticeShown
from referrals.act_registry.registry import ACTS
from referrals.releases.disclosed import Line


class NoticedOut(serializers.Serializer):
    """From `at` on, that agency could see the notice: coded needs, but not who the survivor is."""

    at = serializers.DateTimeField()
    to_agency_id = serializers.UUIDField()
    to_agency_name = serializers.CharField()
    to_addresses = serializers.ListField(child=serializers.CharField())


class GivenOut(WithFieldsMember):
    """From `at` on, that agency could open these fields under this release."""

    at = serializers.DateTimeField()
    to_agency_id = serializers.UUIDField()
    to_agency_name = serializers.CharField()
    to_addresses = serializers.ListField(
        child=serializers.CharField(),
        help_text="Where it is, one line each; empty where no address is public.",
    )
    fields_ = serializers.ListField(child=serializers.CharField())
    purpose = serializers.CharField()
    release_id = serializers.UUIDField()
    signed_at = serializers.DateTimeField()
    consenters = serializers.ListField(child=serializers.ChoiceField(choices=disclosure.CONSENTERS))


class OutsideOut(serializers.Serializer):
    """A mandated report or a compelled disclosure, as the agency recorded it."""

    kind = serializers.ChoiceField(choices=sorted(accounting.RECORDS))
    at = serializers.DateTimeField()
    to = serializers.CharField()
    basis = serializers.CharField()
    survivor_told = serializers.CharField()


class LookOut(WithFieldsMember):
    """Entries of the access log by one of the agency's members or partner systems; `times` is their
    number."""

    act = serializers.ChoiceField(
        choices=accounting.ACTS,
        help_text="`referral.work`: saw the notice or worked on it, in whatever way;"
        " `access_log.check`: read the log of it; `system.work`: the system by itself.",
    )
    times = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    member_id = serializers.UUIDField(allow_null=True)
    member_name = serializers.CharField(allow_null=True)
    client = serializers.CharField(allow_null=True)
    purpose = serializers.ChoiceField(choices=accounting.PURPOSES, allow_null=True)
    fields_ = serializers.ListField(child=serializers.CharField(), allow_null=True)
    reason = serializers.ChoiceField(
        choices=accounting.REASONS, allow_null=True, help_text="Why the member assigned themselves."
    )


class AccountingOut(serializers.Serializer):
    """The accounting of one referral, from the access log, releases and notes of the caller's own
    agency. `entries` counts the log entries behind it: it is the sum of `times` in `opened` and
    `seen`. `receipt` is the id of the log entry of this reading. `outside` omits a disclosure that
    was refused, and one that the agency recorded as forbidden to tell the survivor about; nothing
    else shows that it was left out. 45 CFR 164.528(a)(2) suspends the accounting of a disclosure to
    law enforcement or health oversight for as long as that authority states. When that time is
    over, record the disclosure again."""

    made_at = serializers.DateTimeField()
    notice = NoticedOut(
        allow_null=True, help_text="Null: your agency is not the one that sent it, or did not yet."
    )
    given = GivenOut(many=True)
    outside = OutsideOut(many=True)
    opened = LookOut(many=True)
    seen = LookOut(many=True)
    entries = serializers.IntegerField()
    receipt = serializers.UUIDField()


class AccountDisclosures(Endpoint):
    repeats: ClassVar = {"post": ACTS["account_disclosures"].repeat}
    logged_as = "referral.account_disclosures"

    @extend_schema(
        operation_id="account_disclosures",
        auth=signed_in(ACTS["account_disclosures"].rule.scope),
        **said_of("account_disclosures"),
        request=PurposeIn,
        parameters=[ACTING_MEMBER],
        responses={200: AccountingOut, **problems(*REFUSALS)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        purpose = self.body(PurposeIn)["purpose"]
        made = accounting.account_disclosures(self.principal, referral_id, purpose)
        return self.answer(AccountingOut, _out(made))


def _out(made: Accounting) -> dict[str, object]:
    return {
        "made_at": made.made_at,
        "notice": made.notice and _went(made.notice),
        "given": [
            _went(one)
            | {
                "fields": one.fields,
                "purpose": one.purpose,
                "release_id": one.release.id,
                "signed_at": one.release.signed_at,
                "consenters": [given["who"] for given in one.release.consenters],
            }
            for one in made.given
        ],
        "outside": [
            {
                "kind": note.kind,
                **{name: note.content[name] for name in ("at", "to", "basis", "survivor_told")},
            }
            for note in made.records
        ],
        "opened": [_look(made, line) for line in made.opened],
        "seen": [_look(made, line) for line in made.seen],
        "entries": made.entries,
        "receipt": made.entry_id,
    }


def _went(one: NoticeShown | Disclosure) -> dict[str, object]:
    return {
        "at": one.at,
        "to_agency_id": one.to.id,
        "to_agency_name": one.to.name,
        "to_addresses": one.addresses,
    }


def _look(made: Accounting, line: Line) -> dict[str, object]:
    return {
        "act": line.act,
        "times": line.times,
        "first_at": line.first,
        "last_at": line.last,
        "member_id": line.member_id,
        "member_name": made.names.get(line.member_id) if line.member_id else None,
        "client": line.client,
        "purpose": line.purpose,
        "fields": line.fields,
        "reason": line.reason,
    }
