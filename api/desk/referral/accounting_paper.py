"""The words of the accounting that the survivor is given, in English and Spanish: in the first
person, plain, short enough to read aloud. A certified translator must read the Spanish first."""

from datetime import datetime
from typing import NamedTuple

from api.desk.labels import localtime
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


PAPER = {
    "en": Text(
        title="Who was told about me",
        lead="Made by {agency} on {day}, from a log that nobody here can change. It says what this"
        " agency gave to others and which of its people looked.",
        about="It is of one request for help alone: “{service}”, reference {reference}. For another"
        " there is another paper.",
        given="Given to other agencies",
        notice="A notice went to {agency}. It says what help I need, not who I am.",
        to="{agency} could open:",
        no_address="no public address",
        under="With my permission of {day}.",
        under_anothers="With the permission of {day}.",
        consented_too="{who} consented, too.",
        gave_it="{who} gave it for me.",
        nothing_given="Through this system nothing that says who I am was opened to another"
        " agency.",
        theirs="Which of their people opened it, their agency can tell me. I may ask them for the"
        " same paper.",
        outside="Reported, or handed over because the law asked for it",
        record="{what}, to: {to}",
        opened="Who opened what I gave, or the agency's notes about it",
        seen="Who saw the notice or worked on it. The notice does not say who I am",
        beside="What else stands in the log",
        nobody="Nobody.",
        times="{times} times",
        once="once",
        on="on {day}",
        between="from {first} to {last}",
        reason="Why: {why}",
        through="through {client}",
        somebody="Somebody who worked here",
        itself="The system, by itself",
        total="{entries} entries of the log stand behind this paper.",
        change="If something here is wrong, or I do not know somebody who looked, I can say so.",
        acts={
            "referral.open_packet": "Opened what I gave",
            "referral.open_notes": "Opened the agency's notes",
            "referral.read_returned": "Read what the other agency told",
            SELF_ASSIGNED: "Began to work on it without being asked to",
            CHECKED: "Checked the log: who had looked",
            ACCOUNTED: "Made this paper, for which the notes are opened",
            ITSELF: "Told the agency's own systems, or ended or deleted what was due",
        },
        kinds={"report": "A report that the law asks for", "disclosure": "Handed over"},
        purposes={
            "intake": "To take me in",
            "service": "To give me the service",
            "safety": "For my safety",
            "hand_off": "To put me in touch with them",
            "holder_away": "Whoever answers for it was away",
            "nobody_assigned": "Nobody was working on it",
            REVIEW_OR_DUTY: "To review the work, or because the law asks for it",
        },
        returned={
            "connected": "Whether I spoke with them",
            "engaged": "Whether I took up the service",
            "outcome_code": "What came of it, in one word",
        },
    ),
    "es": Text(
        title="A quién se le habló de mí",
        lead="Hecho por {agency} el {day}, con un registro que aquí nadie puede cambiar. Dice qué"
        " dio esta agencia a otras y quién de su gente miró.",
        about="Trata de una sola solicitud de ayuda: «{service}», referencia {reference}. Para otra"
        " hay otro papel.",
        given="Dado a otras agencias",
        notice="Se envió un aviso a {agency}. Dice qué ayuda necesito, no quién soy.",
        to="{agency} pudo abrir:",
        no_address="sin dirección pública",
        under="Con mi permiso del {day}.",
        under_anothers="Con el permiso del {day}.",
        consented_too="{who} también lo dio.",
        gave_it="{who} lo dio por mí.",
        nothing_given="Por este sistema no se abrió a otra agencia nada que diga quién soy.",
        theirs="Quién de su gente lo abrió, me lo puede decir esa agencia. Puedo pedirles el mismo"
        " papel.",
        outside="Comunicado o entregado porque la ley lo pidió",
        record="{what}, a: {to}",
        opened="Quién abrió lo que di, o las notas de la agencia sobre ello",
        seen="Quién vio el aviso o trabajó en él. El aviso no dice quién soy",
        beside="Qué más está en el registro",
        nobody="Nadie.",
        times="{times} veces",
        once="una vez",
        on="el {day}",
        between="del {first} al {last}",
        reason="Por qué: {why}",
        through="por medio de {client}",
        somebody="Alguien que trabajaba aquí",
        itself="El sistema, por sí solo",
        total="{entries} entradas del registro respaldan este papel.",
        change="Si algo no es correcto, o no conozco a quien miró, puedo decirlo.",
        acts={
            "referral.open_packet": "Abrió lo que di",
            "referral.open_notes": "Abrió las notas de la agencia",
            "referral.read_returned": "Leyó lo que contó la otra agencia",
            SELF_ASSIGNED: "Empezó a trabajar en ello sin que se lo pidieran",
            CHECKED: "Revisó el registro: quién había mirado",
            ACCOUNTED: "Hizo este papel, para el que se abren las notas",
            ITSELF: "Avisó a los sistemas de la agencia, o terminó o borró lo que tocaba",
        },
        kinds={"report": "Un informe que exige la ley", "disclosure": "Entregado"},
        purposes={
            "intake": "Para recibirme",
            "service": "Para darme el servicio",
            "safety": "Por mi seguridad",
            "hand_off": "Para ponerme en contacto con ellos",
            "holder_away": "Quien lo llevaba no estaba",
            "nobody_assigned": "Nadie trabajaba en ello",
            REVIEW_OR_DUTY: "Para revisar el trabajo, o porque la ley lo pide",
        },
        returned={
            "connected": "Si hablé con ellos",
            "engaged": "Si usé el servicio",
            "outcome_code": "En qué quedó, en una palabra",
        },
    ),
}


# -- Times -----------------------------------------------------------------------------------------

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio"
    " julio agosto septiembre octubre noviembre diciembre",
}
ZONES_ES = {  # by abbreviation; another zone is shown as it is
    "EST": "hora del este",
    "EDT": "hora de verano del este",
    "CST": "hora del centro",
    "CDT": "hora de verano del centro",
    "MST": "hora de la montaña",
    "MDT": "hora de verano de la montaña",
    "PST": "hora del Pacífico",
    "PDT": "hora de verano del Pacífico",
    "AKST": "hora de Alaska",
    "AKDT": "hora de verano de Alaska",
    "HST": "hora de Hawái",
    "AST": "hora del Atlántico",
    "ChST": "hora de Guam",
}


def paper_day(moment: datetime, language: str) -> str:
    """Return the day in the agency's zone: "November 26, 2026", "26 de noviembre de 2026"."""
    local = localtime(moment)
    month = MONTHS[language].split()[local.month - 1]
    if language == "es":
        return f"{local.day} de {month} de {local.year}"
    return f"{month} {local.day}, {local.year}"


def paper_time(moment: datetime, language: str) -> str:
    """Return the same with the time and its zone, as that language writes it."""
    local = localtime(moment)
    half, space = ("a", "p")[local.hour >= 12], "\N{NO-BREAK SPACE}"
    clock, zone = f"{local.hour % 12 or 12}:{local:%M}{space}{half}.", f"{local:%Z}"
    if language == "es":
        zone = f"{ZONES_ES[zone]} ({zone})" if zone in ZONES_ES else zone
        return f"{paper_day(moment, language)}, {clock}{space}m., {zone}"
    return f"{paper_day(moment, language)}, {clock}m. {zone}"
