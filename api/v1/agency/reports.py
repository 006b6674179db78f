"""An agency's own figures, of months that are over."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from openapi.schema import ACTING_MEMBER, problems, signed_in
from referrals.numbers import own_report, periods
from referrals.numbers.own_report import FAMILIES, OwnReport, Side
from referrals.numbers.time_steps import STEPS, Times


class TimeStepOut(serializers.Serializer):
    at_most_minutes = serializers.IntegerField(allow_null=True, help_text="Null: more than a week.")
    number = serializers.IntegerField()


class AnswerTimesOut(serializers.Serializer):
    """How long it took from sending, counted in fixed steps. `median` and `p90` are the step within
    which half, or nine of ten, were done, in minutes; null where there are none, or where it took
    more than a week."""

    number = serializers.IntegerField()
    median = serializers.IntegerField(allow_null=True)
    p90 = serializers.IntegerField(allow_null=True)
    steps = TimeStepOut(many=True)


class ReferralMonthOut(serializers.Serializer):
    begins = serializers.DateField()
    referrals = serializers.IntegerField()


def _codes(of: str) -> serializers.DictField:
    return serializers.DictField(
        child=serializers.IntegerField(), help_text=f"By {of}. A code that is not there: none."
    )


class ReferralCountsOut(serializers.Serializer):
    """By the codes of the code lists. `kind` is that of the other agency. Each referral has one of
    each, and of needs one or more; `declined` counts those that were declined, by reason."""

    kind = _codes("kind of the other agency")
    concern = _codes("concern")
    age_band = _codes("age band")
    urgency = _codes("urgency")
    outcome = _codes("how it ended, or is: `waiting` while there is no answer")
    need = _codes("need")
    declined = _codes("reason of a decline")


class ReportSideOut(serializers.Serializer):
    referrals = serializers.IntegerField()
    months = ReferralMonthOut(many=True)
    by = ReferralCountsOut()
    late = serializers.IntegerField(help_text="Not answered, or not accepted, by the deadline.")
    late_handoffs = serializers.IntegerField(
        help_text="Accepted by your agency, and not contacted by a deadline. 0 of what it sent:"
        " that is the recipient's own."
    )
    answered = AnswerTimesOut(help_text="Until it was acknowledged, accepted or declined.")
    accepted = AnswerTimesOut(help_text="Until it was accepted.")


class PhoneLineOut(serializers.Serializer):
    """Of how many minutes it is known whether someone whose phone had answered its test was on
    call, and in how many minutes someone was. 25 months are kept."""

    minutes = serializers.IntegerField()
    covered = serializers.IntegerField()


class ReportOut(serializers.Serializer):
    period = serializers.CharField()
    begins = serializers.DateField()
    ends = serializers.DateField(
        help_text="The last day that is counted. It is before the end of the period while its last"
        " months are not over."
    )
    sent = ReportSideOut()
    received = ReportSideOut()
    calls = _codes("outcome of a referral by phone")
    line = PhoneLineOut()


class Reports(Endpoint):
    query = ("period",)

    @extend_schema(
        operation_id="read_report",
        auth=signed_in("reports:read"),
        parameters=[
            ACTING_MEMBER,
            OpenApiParameter(
                "period",
                str,
                description="A month (2026-03), quarter (2026-Q1), half-year (2026-H1) or year"
                " (2026), or a federal year or its half (FY2026, FY2026-H1). By default the latest"
                " month that is over.",
            ),
        ],
        responses={200: ReportOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Count the referrals that your agency sent and received: how many, how fast, how they
        ended, and what was declined. Only whole months are counted, by the month of sending. What
        bars anyone of your agency, or ever did, is not in it. It is for the leads, and for systems
        that act for no member."""
        text = request.GET.get("period")
        period = periods.parse(text) if text is not None else None
        figures = own_report.own_figures(self.principal, period)
        return self.answer(ReportOut, _report(figures.report))


def _report(found: OwnReport) -> dict[str, Any]:
    return {
        "period": found.period.name,
        "begins": found.period.begins,
        "ends": found.ends - timedelta(days=1),
        "sent": _side(found.sent),
        "received": _side(found.received),
        "calls": found.calls,
        "line": found.cover,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "referrals": side.referrals,
        "months": [{"begins": one, "referrals": number} for one, number in side.months.items()],
        "by": {family: _known(side.by[family]) for family in FAMILIES},
        "late": side.late,
        "late_handoffs": side.late_handoffs,
        "answered": _times(side.answered),
        "accepted": _times(side.accepted),
    }


def _known(counts: Mapping[str, int]) -> dict[str, int]:
    return {code: counts[code] for code in sorted(counts)}


def _times(found: Times) -> dict[str, Any]:
    return {
        "number": found.number,
        "median": STEPS[found.median] if found.median else None,
        "p90": STEPS[found.p90] if found.p90 else None,
        "steps": [
            {"at_most_minutes": STEPS[step], "number": number}
            for step, number in found.steps.items()
        ],
    }
