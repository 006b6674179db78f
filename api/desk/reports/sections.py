"""An agency's figures as a reader meets them: for each part one sentence that says what it means,
and tables that show the period before, too. The page, the paper and the files show the same.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from api.desk.reports.charts import Bar, bars
from api.desk.reports.tables import Row, Section, Table
from api.desk.reports.words import FAMILIES, code_words, period_words, step_words
from api.desk.times import month_and_year
from referrals import codes
from referrals.call_records import UNMET
from referrals.numbers.own_report import Figures, OwnReport, Side
from referrals.numbers.time_steps import STEPS, Times

# In which order codes are listed; a code that is not here comes last.
ORDER: Mapping[str, Sequence[str]] = {
    "outcome": (
        *("waiting", "accepted", "completed", "unable", "declined", "expired"),
        *("withdrawn", "stopped"),
    ),
    "declined": list(codes.DECLINE),
    "urgency": list(codes.URGENCY),
    "need": list(codes.NEEDS),
    "concern": list(codes.CONCERN),
    "age_band": list(codes.AGE_BAND),
    "calls": list(codes.CALL_OUTCOME),
}


def sections(figures: Figures) -> list[Section]:
    """Return what was received, sent, called and covered."""
    now, before = figures.report, figures.before
    return [_received(now, before), _sent(now, before), _calls(now, before), _covered(now, before)]


# -- Referrals -------------------------------------------------------------------------------------


def _received(now: OwnReport, before: OwnReport) -> Section:
    side = now.received
    number = ngettext(
        "Your agency received {number} referral in this period",
        "Your agency received {number} referrals in this period",
        side.referrals,
    ).format(number=side.referrals)
    says = [number + _than_before(before.received.referrals, before), *_answers(side)]
    if side.late_handoffs:
        says.append(
            ngettext(
                "{number} was accepted, and then a deadline to contact the survivor passed.",
                "{number} were accepted, and then a deadline to contact the survivor passed.",
                side.late_handoffs,
            ).format(number=side.late_handoffs)
        )
    if unmet := sum(side.by["declined"].values()):
        says.append(
            ngettext(
                "{number} was declined: a need that was not met here.",
                "{number} were declined: needs that were not met here.",
                unmet,
            ).format(number=unmet)
        )
    tables = _tables(side, before.received, gettext("From whom"))
    return Section("received", gettext("Referrals that you received"), says, tables)


def _sent(now: OwnReport, before: OwnReport) -> Section:
    side = now.sent
    number = ngettext(
        "Your agency sent {number} referral in this period",
        "Your agency sent {number} referrals in this period",
        side.referrals,
    ).format(number=side.referrals)
    says = [number + _than_before(before.sent.referrals, before), *_answers(side)]
    tables = _tables(side, before.sent, gettext("To whom"))
    return Section("sent", gettext("Referrals that you sent"), says, tables)


def _answers(side: Side) -> list[str]:
    """How fast they were answered, and what was late; nothing where there is nothing."""
    return [_speed(side.answered), _late(side)] if side.referrals else []


def _tables(side: Side, earlier: Side, whom: str) -> list[Table]:
    """Nothing where there is nothing in the period itself."""
    found: list[Table] = []
    if not side.referrals:
        return found
    if len(side.months) > 1:
        rows = [
            Row(month_and_year(month), number, was)
            for (month, number), was in zip(
                side.months.items(), earlier.months.values(), strict=True
            )
        ]
        found.append(_table(gettext("By month"), rows))
    found.append(_of_times(gettext("Time until an answer"), side.answered, earlier.answered))
    if side.accepted.number:
        found.append(_of_times(gettext("Time until accepted"), side.accepted, earlier.accepted))
    found.append(_of_codes(whom, "kind", side, earlier))
    found += [_of_codes(str(title), one, side, earlier) for one, title in FAMILIES.items()]
    return [one for one in found if one.rows]


# -- Calls, and the phone line ---------------------------------------------------------------------


def _calls(now: OwnReport, before: OwnReport) -> Section:
    number, was = sum(now.calls.values()), sum(before.calls.values())
    says = [
        ngettext(
            "Your agency recorded {number} referral by phone",
            "Your agency recorded {number} referrals by phone",
            number,
        ).format(number=number)
        + _than_before(was, before)
    ]
    if unmet := sum(now.calls.get(code, 0) for code in UNMET):
        says.append(
            ngettext(
                "{number} of them found no help: full, out of the area, or a dead number.",
                "{number} of them found no help: full, out of the area, or a dead number.",
                unmet,
            ).format(number=unmet)
        )
    rows = _rows("calls", "call_outcome", now.calls, before.calls)
    tables = [_table(gettext("How calls ended"), rows)] if rows else []
    return Section("calls", gettext("Referrals by phone"), says, tables)


def _covered(now: OwnReport, before: OwnReport) -> Section:
    title = gettext("Your phone line")
    if not now.cover.minutes:
        return Section("line", title, [gettext("It was not watched in this period.")], [])
    hours, was = _without_line(now), _without_line(before)
    if hours:
        says = [
            ngettext(
                "For {number} hour no one was on call whose phone answers.",
                "For {number} hours no one was on call whose phone answers.",
                hours,
            ).format(number=hours),
            gettext("An emergency in such an hour waits until someone looks."),
        ]
    else:
        says = [gettext("Someone whose phone answers was on call all the time.")]
    rows = [
        Row(gettext("Hours without a line"), hours, was),
        Row(
            gettext("Hours that were watched"),
            _hours(now.cover.minutes),
            _hours(before.cover.minutes),
        ),
    ]
    return Section("line", title, says, [_table(gettext("On call"), rows)])


def _without_line(report: OwnReport) -> int:
    return _hours(report.cover.minutes - report.cover.covered)


def _hours(minutes: int) -> int:
    """Begun hours: half an hour without a line is not none."""
    return -(-minutes // 60)


# -- Sentences and rows ----------------------------------------------------------------------------


def _than_before(number: int, before: OwnReport) -> str:
    return gettext("; in the period before ({period}): {number}.").format(
        period=period_words(before.period), number=number
    )


def _speed(found: Times) -> str:
    if found.median is None or found.p90 is None:
        return gettext("None was answered.")
    if found.median == found.p90:
        frame = gettext("Nine of ten were answered within {slow}.")
    else:
        frame = gettext("Half were answered within {quick}, and nine of ten within {slow}.")
    return frame.format(quick=step_words(found.median), slow=step_words(found.p90))


def _late(side: Side) -> str:
    if side.late:
        return ngettext(
            "{number} was not answered in time.", "{number} were not answered in time.", side.late
        ).format(number=side.late)
    if side.answered.number == side.referrals:
        return gettext("Each was answered in time.")
    return gettext("No deadline passed without an answer.")


def _of_codes(title: str, family: str, side: Side, earlier: Side) -> Table:
    return _table(title, _rows(family, family, side.by[family], earlier.by[family]))


def _rows(order: str, family: str, now: Mapping[str, int], before: Mapping[str, int]) -> list[Row]:
    used = {code for counted in (now, before) for code, number in counted.items() if number}
    return [
        Row(code_words(family, code), now.get(code, 0), before.get(code, 0))
        for code in in_order(order, used)
    ]


def in_order(family: str, used: Collection[str]) -> list[str]:
    """Return the codes in the order of their family, those that it does not know after them."""
    known = ORDER.get(family, ())
    return [*(code for code in known if code in used), *sorted(set(used) - set(known))]


def _of_times(title: str, now: Times, before: Times) -> Table:
    """The steps up to the last one that has any."""
    used = [step for step in STEPS if now.steps[step] or before.steps[step]]
    if not used:
        return Table(title, [], SafeString(""))
    last = list(STEPS).index(used[-1])
    rows = [
        Row(_within(step), now.steps[step], before.steps[step]) for step in list(STEPS)[: last + 1]
    ]
    return _table(title, rows)


def _within(step: str) -> str:
    words = step_words(step)
    if STEPS[step] is None:
        return words[:1].upper() + words[1:]
    return gettext("Within {time}").format(time=words)


def _table(title: str, rows: Iterable[Row]) -> Table:
    listed = list(rows)
    drawn = bars(title, [Bar._make(row) for row in listed]) if listed else SafeString("")
    return Table(title, listed, drawn)
