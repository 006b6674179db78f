"""The network's figures as a reader meets them: bands, in tables and charts (ADR 0144)."""

from collections.abc import Iterable, Mapping, Sequence

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from api.desk.reports.charts import Bar, RangeBar, bars, ranges
from api.desk.reports.gap_words import area_words, gap_words
from api.desk.reports.sections import in_order
from api.desk.reports.tables import Row, Section, Table
from api.desk.reports.words import FAMILIES, code_words, period_words
from referrals.numbers.bands import NONE, Band
from referrals.numbers.published_figures import EarlierYear, NetworkFigures

ANSWERED: Mapping[str, Promise] = {
    "m15": _("Within 15 minutes"),
    "h1": _("Within an hour"),
    "d1": _("Within a day"),
    "later": _("Later"),
}


def band_words(band: Band) -> str:
    """Return "0", or words such as "11–20"."""
    return "0" if band == NONE else f"{band.least}\N{EN DASH}{band.most}"


def sections(figures: NetworkFigures, before: NetworkFigures | None) -> list[Section]:
    """Return what is shown of a period, with the period before."""
    found = [_referrals(figures, before)]
    if figures.agencies:
        found.append(_agencies(figures))
    return [*found, gaps(figures)]


def _referrals(figures: NetworkFigures, before: NetworkFigures | None) -> Section:
    says = [
        gettext("{number} referrals were sent in the network in this period.").format(
            number=band_words(figures.referrals)
        ),
        gettext("{number} were not answered in time.").format(number=band_words(figures.late)),
    ]
    if before is not None:
        says.insert(
            1,
            gettext("In the period before ({period}): {number}.").format(
                period=period_words(before.period), number=band_words(before.referrals)
            ),
        )
    tables = [
        _table(gettext("To what kind of agency"), _codes("kind", figures, before)),
        _table(
            gettext("Time until an answer"),
            [
                (
                    str(words),
                    figures.tables["answered"].get(code, NONE),
                    _was(before, "answered", code),
                )
                for code, words in ANSWERED.items()
                if code in figures.tables["answered"]
            ],
        ),
        *(
            _table(str(title), _codes(family, figures, before))
            for family, title in FAMILIES.items()
        ),
    ]
    return Section(
        "referrals", gettext("Referrals in the network"), says, [one for one in tables if one.rows]
    )


def _codes(
    family: str, figures: NetworkFigures, before: NetworkFigures | None
) -> list[tuple[str, Band, Band | None]]:
    shown = figures.tables[family]
    return [
        (code_words(family, code), shown[code], _was(before, family, code))
        for code in in_order(family, shown)
    ]


def _was(before: NetworkFigures | None, family: str, code: str) -> Band | None:
    return before.tables[family].get(code, NONE) if before else None


def _agencies(figures: NetworkFigures) -> Section:
    says = [gettext("Only agencies that agreed are named. The others are in the whole.")]
    sent = [(one.name, one.sent, None) for one in figures.agencies]
    received = [(one.name, one.received, None) for one in figures.agencies]
    tables = [_table(gettext("Sent"), sent), _table(gettext("Received"), received)]
    return Section("agencies", gettext("By agency"), says, tables)


def gaps(figures: NetworkFigures) -> Section:
    """What was searched for in the directory, or called for, and not found."""
    if not figures.gaps:
        says = [gettext("Every search found something in this period.")]
        return Section("gaps", gettext("What is missing"), says, [])
    says = [
        ngettext(
            "{number} need was searched for, or called for, and not met.",
            "{number} needs were searched for, or called for, and not met.",
            len(figures.gaps),
        ).format(number=len(figures.gaps)),
        gettext("The same search by the same caller counts once an hour."),
    ]
    ordered = sorted(figures.gaps, key=lambda one: (-one.searches.most, gap_words(one.code)))
    whole = [(gap_words(one.code), one.searches, None) for one in ordered]
    where = [
        (f"{gap_words(one.code)}, {area_words(area)}", shown, None)
        for one in ordered
        for area, shown in one.areas.items()
        if area
    ]
    tables = [_table(gettext("What was not found"), whole), _table(gettext("Where"), where)]
    return Section("gaps", gettext("What is missing"), says, [one for one in tables if one.rows])


def declined(figures: NetworkFigures) -> list[Section]:
    """Return why referrals were declined, to stand with what is missing; nothing if none was."""
    table = _table(str(FAMILIES["declined"]), _codes("declined", figures, None))
    says = [gettext("These referrals reached a service that could not take them.")]
    return [Section("declined", gettext("Declined"), says, [table])] if table.rows else []


def years(figures: Iterable[NetworkFigures], earlier: Sequence[EarlierYear]) -> list[Table]:
    """Return cases, trainings and people trained by year, the oldest first: what was published
    before Cairn as it was published, and the network's own in bands."""
    own = sorted(
        (one for one in figures if one.period.calendar == "year"), key=lambda one: one.period
    )
    entered = [one for one in earlier if str(one.year) not in {o.period.name for o in own}]
    cases = [
        RangeBar(str(one.year), one.cases, one.cases, str(one.cases))
        for one in entered
        if one.cases is not None
    ]
    cases += [RangeBar(one.period.name, *one.referrals, band_words(one.referrals)) for one in own]
    trainings = [Bar(str(one.year), one.trainings) for one in entered if one.trainings is not None]
    trainings += [Bar(one.period.name, one.trainings) for one in own if one.trainings is not None]
    people = [Bar(str(one.year), one.people) for one in entered if one.people is not None]
    people += [Bar(one.period.name, one.people) for one in own if one.people is not None]
    titles = (
        gettext("Cases by year"),
        gettext("Trainings by year"),
        gettext("People trained by year"),
    )
    tables = [
        Table(titles[0], [Row(one.label, one.words) for one in cases], ranges(titles[0], cases))
    ]
    tables += [
        Table(title, [Row(one.label, str(one.number)) for one in rows], bars(title, rows))
        for title, rows in zip(titles[1:], (trainings, people), strict=True)
    ]
    return [one for one in tables if one.rows]


def _table(title: str, rows: Sequence[tuple[str, Band, Band | None]]) -> Table:
    drawn = [RangeBar(label, *shown, band_words(shown)) for label, shown, _before in rows]
    return Table(
        title,
        [
            Row(label, band_words(shown), band_words(before) if before is not None else "")
            for label, shown, before in rows
        ],
        ranges(title, drawn) if drawn else SafeString(""),
    )
