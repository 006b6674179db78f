"""The words of the accounting that the survivor is given: in the first person, plain, short enough
to read aloud. A certified translator must read a translation first."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from babel import Locale
from babel.dates import format_date
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from api.desk.times import localtime, time_of_day
from referrals.accounting import ACCOUNTED, CHECKED, ITSELF, REVIEW_OR_DUTY, SELF_ASSIGNED


class Text(NamedTuple):
    title: str
    lead: str  # {agency}, {day}
    about: str  # {service}, {reference}
    given: str
    notice: str  # {agency}, with its address
    to: str  # {agency}, with its address
    no_address: str
    under: str  # {day}
    under_anothers: str  # {day}
    consented_too: str  # {who}
    gave_it: str  # {who}
    nothing_given: str
    theirs: str
    outside: str
    record: str  # {what}, {to}
    opened: str
    seen: str
    beside: str
    nobody: str
    times: str  # {times}
    once: str
    on: str  # {day}
    between: str  # {first}, {last}
    reason: str  # {why}
    through: str  # {client}
    somebody: str
    itself: str
    total: str  # {entries}
    change: str
    acts: dict[str, str]
    kinds: dict[str, str]
    purposes: dict[str, str]  # why it was opened, or why a lead put themselves on it
    returned: dict[str, str]


@lru_cache
def accounting_text(language: str) -> Text:
    """Return the words in a language that has a catalogue; what it lacks is in English."""
    with translation.override(language):
        return _text()


def _text() -> Text:
    return Text(
        title=_("Who has seen my information"),
        lead=_(
            "Made by {agency} on {day}, from a log that no one here can change. It shows what this"
            " agency gave to others and which of its people looked."
        ),
        about=_(
            "This report covers one request for help: “{service}”, reference {reference}. Other"
            " requests have their own reports."
        ),
        given=_("Given to other agencies"),
        notice=_("A notice went to {agency}. It says what help I need, not who I am."),
        to=_("{agency} could open:"),
        no_address=_("no public address"),
        under=_("With my permission of {day}."),
        under_anothers=_("With the permission of {day}."),
        consented_too=_("{who} also consented."),
        gave_it=_("{who} gave it for me."),
        nothing_given=_(
            "Through this system nothing that says who I am was opened to another agency."
        ),
        theirs=_(
            "Their agency can tell me which of its people opened it. I may ask it for the same"
            " report."
        ),
        outside=_("Reported or handed over because the law required it"),
        record=_("{what}, to: {to}"),
        opened=_("Who opened what I gave, or the agency's notes about it"),
        seen=_("Who saw the notice or worked on it. The notice does not say who I am"),
        beside=_("Other log entries"),
        nobody=_("No one."),
        times=_("{times} times"),
        once=_("once"),
        on=_("on {day}"),
        between=_("from {first} to {last}"),
        reason=_("Why: {why}"),
        through=_("through {client}"),
        somebody=_("A person who worked here"),
        itself=_("The system, by itself"),
        total=_("Based on {entries} log entries."),
        change=_("If something here is wrong, or I do not know a person who looked, I can say so."),
        acts={
            "referral.open_packet": _("Opened what I gave"),
            "referral.open_notes": _("Opened the agency's notes"),
            "referral.read_returned": _("Read what the other agency shared"),
            SELF_ASSIGNED: _("Self-assigned to the referral"),
            CHECKED: _("Checked the log: who had looked"),
            ACCOUNTED: _("Made this paper, for which the notes are opened"),
            ITSELF: _("Notified the agency's own systems, or ended or deleted what was due"),
        },
        kinds={"report": _("A report that the law requires"), "disclosure": _("Handed over")},
        purposes={
            "intake": _("To take me in"),
            "service": _("To give me the service"),
            "safety": _("For my safety"),
            "hand_off": _("To put me in touch with them"),
            "holder_away": _("The person who had it was away"),
            "nobody_assigned": _("No one was working on it"),
            REVIEW_OR_DUTY: _("To review the work, or because the law requires it"),
        },
        returned={
            "connected": _("Whether I spoke with them"),
            "engaged": _("Whether I used the service"),
            "outcome_code": _("The outcome, in one word"),
        },
    )


# -- Times -----------------------------------------------------------------------------------------

# The abbreviations that a catalogue can put into words; another zone is shown as it is.
ZONES = (
    gettext_noop("EST"),
    gettext_noop("EDT"),
    gettext_noop("CST"),
    gettext_noop("CDT"),
    gettext_noop("MST"),
    gettext_noop("MDT"),
    gettext_noop("PST"),
    gettext_noop("PDT"),
    gettext_noop("AKST"),
    gettext_noop("AKDT"),
    gettext_noop("HST"),
    gettext_noop("AST"),
    gettext_noop("ChST"),
)


def paper_day(moment: datetime, language: str) -> str:
    """Return the day in the agency's zone: "November 26, 2026", "26 de noviembre de 2026"."""
    return str(format_date(localtime(moment), "long", locale=Locale.parse(language, sep="-")))


def paper_time(moment: datetime, language: str) -> str:
    """Return the same with the time and its zone, as that language writes it."""
    local = localtime(moment)
    with translation.override(language):
        return _("{day}, {time} {zone}").format(
            day=paper_day(moment, language), time=time_of_day(local), zone=_(f"{local:%Z}")
        )
