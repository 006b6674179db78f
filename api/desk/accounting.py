"""The accounting of disclosures as a paper for the survivor, in English or Spanish: to print, to
read aloud, to hand over. The Spanish is to be read by a certified translator before it is used."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse

from api.desk import words
from api.desk.context import safety_in_spanish
from api.desk.forms import one_of
from api.desk.referral import common
from api.desk.release_paper import TEXTS
from api.desk.sealed import PurposeForm, opening
from api.desk.visit import Visit, page
from referrals import accounting
from referrals.accounting import Accounting, Line
from referrals.codes import CODE_LISTS
from referrals.reading import Detail

LANGUAGES = (("en", "English"), ("es", "Español"))


class Text(NamedTuple):
    title: str
    lead: str  # {agency}, {day}
    given: str
    to: str  # {agency}
    under: str  # {day}
    nothing_given: str
    theirs: str
    outside: str
    opened: str
    seen: str
    nobody: str
    times: str  # {times}
    once: str
    reason: str
    through: str  # {client}
    somebody: str
    total: str  # {entries}
    change: str
    acts: dict[str, str]
    kinds: dict[str, str]


PAPER = {
    "en": Text(
        title="Who was told about me",
        lead="Made by {agency} on {day}, from a log that nobody here can change. It says what this"
        " agency gave to others and which of its people looked.",
        given="Given to other agencies",
        to="{agency} could open:",
        under="With my permission of {day}.",
        nothing_given="Nothing was opened to another agency.",
        theirs="Which of their people opened it, their agency can tell me. I may ask them for the"
        " same paper.",
        outside="Reported, or handed over because the law asked for it",
        opened="Who opened what I gave, or the agency's notes about it",
        seen="Who saw the notice or worked on it. It does not say who I am",
        nobody="Nobody.",
        times="{times} times",
        once="once",
        reason="Why",
        through="through {client}",
        somebody="Somebody who worked here",
        total="{entries} entries of the log stand behind this paper.",
        change="If something here is wrong, or I do not know somebody who looked, I can say so.",
        acts={
            "referral.open_packet": "Opened what I gave",
            "referral.open_notes": "Opened the agency's notes",
            "referral.read_returned": "Read what the other agency told",
        },
        kinds={"report": "A report that the law asks for", "disclosure": "Handed over"},
    ),
    "es": Text(
        title="A quién se le habló de mí",
        lead="Hecho por {agency} el {day}, con un registro que aquí nadie puede cambiar. Dice qué"
        " dio esta agencia a otras y quién de su gente miró.",
        given="Dado a otras agencias",
        to="{agency} pudo abrir:",
        under="Con mi permiso del {day}.",
        nothing_given="No se abrió nada a otra agencia.",
        theirs="Quién de su gente lo abrió, me lo puede decir esa agencia. Puedo pedirles el mismo"
        " papel.",
        outside="Comunicado o entregado porque la ley lo pidió",
        opened="Quién abrió lo que di, o las notas de la agencia sobre ello",
        seen="Quién vio el aviso o trabajó en él. El aviso no dice quién soy",
        nobody="Nadie.",
        times="{times} veces",
        once="una vez",
        reason="Por qué",
        through="por medio de {client}",
        somebody="Alguien que trabajaba aquí",
        total="{entries} entradas del registro respaldan este papel.",
        change="Si algo no es correcto, o no conozco a quien miró, puedo decirlo.",
        acts={
            "referral.open_packet": "Abrió lo que di",
            "referral.open_notes": "Abrió las notas de la agencia",
            "referral.read_returned": "Leyó lo que contó la otra agencia",
        },
        kinds={"report": "Un aviso que pide la ley", "disclosure": "Entregado"},
    ),
}


RETURNED_IN = {  # in her own words, on paper
    "en": {
        "connected": "Whether I spoke with them",
        "engaged": "Whether I took up the service",
        "outcome_code": "What came of it, in one word",
    },
    "es": {
        "connected": "Si hablé con ellos",
        "engaged": "Si usé el servicio",
        "outcome_code": "En qué quedó, en una palabra",
    },
}


class AccountingForm(PurposeForm):
    language = one_of(LANGUAGES, "In which language", initial="en")


def _show(request: HttpRequest, visit: Visit, seen: Detail, given: dict[str, Any]) -> HttpResponse:
    language = given["language"]
    text = PAPER[language]
    made = accounting.account(visit.principal, seen.referral.id, given["purpose"])
    context = common(visit, seen) | {
        "language": language,
        "text": text,
        "lead": text.lead.format(agency=visit.agency.name, day=_day(made.made_at)),
        "given": _given(made, language),
        "outside": _outside(made, language),
        "opened": [_opened(made, line, language) for line in made.opened],
        "people": _people(made, language),
        "total": text.total.format(entries=made.entries),
        "withheld": made.withheld,
    }
    if language == "es":
        context |= safety_in_spanish()
    return page(request, "desk/accounting.html", context)


account_disclosures = opening(
    "account_disclosures",
    "Account for what was disclosed",
    "For her, to take along or to read here: what your agency gave to others, and who of your"
    " people looked. Is it safe for her to have on paper? That you made it stands in the log.",
    _show,
    AccountingForm,
)


def _day(moment: datetime | str) -> str:
    return words.paper_time(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)


def _given(made: Accounting, language: str) -> list[dict[str, Any]]:
    text, names = PAPER[language], TEXTS[language].fields
    return [
        {
            "day": _day(one.at),
            "to": text.to.format(agency=one.to.name),
            "fields": [names.get(name) or RETURNED_IN[language][name] for name in one.fields],
            "why": _label("release_purpose", one.purpose, language),
            "under": text.under.format(day=_day(one.release.signed_at)),
        }
        for one in made.given
    ]


def _outside(made: Accounting, language: str) -> list[dict[str, str]]:
    lists = {
        "report": ("report_to", "report_basis"),
        "disclosure": ("compelled_to", "compelled_by"),
    }
    return [
        {
            "day": _day(note.content["at"] or note.created_at),
            "what": PAPER[language].kinds[note.kind],
            "to": _label(lists[note.kind][0], note.content["to"], language),
            "why": _label(lists[note.kind][1], note.content["basis"], language),
        }
        for note in made.records
    ]


def _opened(made: Accounting, line: Line, language: str) -> dict[str, Any]:
    names = TEXTS[language].fields
    return {
        "day": _day(line.first),
        "who": _who(made, line, PAPER[language]),
        "what": PAPER[language].acts[line.act],
        "fields": [names[name] for name in line.fields or () if name in names],
        "why": _label("purpose", line.purpose, language),
    }


def _people(made: Accounting, language: str) -> list[dict[str, str]]:
    """Whoever saw the notice or worked on it: how often, from when to when, any reason given."""
    text = PAPER[language]
    found: dict[str, list[Line]] = {}
    for line in made.seen:
        found.setdefault(_who(made, line, text), []).append(line)
    return [
        {
            "who": who,
            "times": _times(lines, text),
            "days": " – ".join(
                dict.fromkeys(
                    (_day(min(one.first for one in lines)), _day(max(one.last for one in lines)))
                )
            ),
            "why": ", ".join(
                dict.fromkeys(
                    _label("self_assignment", one.reason, language) for one in lines if one.reason
                )
            ),
        }
        for who, lines in found.items()
    ]


def _times(lines: Sequence[Line], text: Text) -> str:
    times = sum(line.times for line in lines)
    return text.once if times == 1 else text.times.format(times=times)


def _who(made: Accounting, line: Line, text: Text) -> str:
    name = made.names.get(line.member_id, text.somebody) if line.member_id else ""
    if not line.client:
        return name or text.somebody
    return f"{name}, {text.through.format(client=line.client)}" if name else line.client


def _label(list_name: str, code: str | None, language: str) -> str:
    english, spanish = CODE_LISTS[list_name].get(code or "", ("", ""))
    return spanish if language == "es" else english
