"""The closed vocabularies of a referral, with their English and Spanish labels.

Served at `GET /v1/codes`. A code is never renamed after it is published. `_ADDED` is the day of the
last addition, from which the version follows.
"""

from permissions.errors import BadRequest
from referrals import packet_fields
from referrals.screening import SCREENING, Labels

_ADDED = "2026-11-26"  # the day of the last addition to this file
VERSION = max(_ADDED, packet_fields.ADDED)

URGENCY: Labels = {
    "emergency": ("Emergency: answer within minutes", "Emergencia: respuesta en minutos"),
    "urgent": ("Urgent: answer within the hour", "Urgente: respuesta en una hora"),
    "routine": ("Routine: answer within a working day", "Normal: respuesta en un día hábil"),
}
# Our own list from the five VOCA service groups (Office for Victims of Crime), plus compensation.
NEEDS: Labels = {
    "information_and_referral": ("Information and referral", "Información y orientación"),
    "advocacy": ("Personal advocacy", "Acompañamiento y defensa personal"),
    "accompaniment": ("Someone to go with her", "Que alguien la acompañe"),
    "emotional_support": ("Emotional support or counselling", "Apoyo emocional o consejería"),
    "safety_planning": ("Safety planning", "Plan de seguridad"),
    "shelter": ("Emergency shelter", "Refugio de emergencia"),
    "housing": ("Housing", "Vivienda"),
    "medical_forensic_exam": ("Medical forensic exam", "Examen médico forense"),
    "medical_care": ("Medical care", "Atención médica"),
    "legal_aid": ("Legal help", "Ayuda legal"),
    "protection_order": ("Protection order", "Orden de protección"),
    "criminal_justice_support": ("Help with police and court", "Apoyo ante policía y tribunal"),
    "immigration": ("Immigration help", "Ayuda migratoria"),
    "compensation": ("Crime victim compensation", "Compensación a víctimas"),
    "basic_needs": ("Food, clothes, money", "Comida, ropa, dinero"),
    "transport": ("Transport", "Transporte"),
    "interpreter": ("Interpreter", "Intérprete"),
}
CONCERN: Labels = {
    "not_stated": ("Not stated", "Sin indicar"),
    "trafficking": ("Trafficking", "Trata de personas"),
    "sexual_assault": ("Sexual assault", "Agresión sexual"),
    "domestic": ("Domestic violence", "Violencia doméstica"),
    "stalking": ("Stalking", "Acoso"),
    "other": ("Other", "Otro"),
}
AGE_BAND: Labels = {
    "not_stated": ("Not stated", "Sin indicar"),
    "adult": ("Adult", "Persona adulta"),
    "minor": ("Minor", "Menor de edad"),
}
HOUSEHOLD_SIZE: Labels = {
    "not_stated": ("Not stated", "Sin indicar"),
    "one": ("One person", "Una persona"),
    "two_to_three": ("Two or three people", "Dos o tres personas"),
    "four_or_more": ("Four people or more", "Cuatro personas o más"),
}
LANGUAGE: Labels = {
    "not_stated": ("Not stated", "Sin indicar"),
    "en": ("English", "Inglés"),
    "es": ("Spanish", "Español"),
    "ru": ("Russian", "Ruso"),
    "zh": ("Chinese", "Chino"),
    "ar": ("Arabic", "Árabe"),
    "sw": ("Swahili", "Suajili"),
    "fr": ("French", "Francés"),
    "vi": ("Vietnamese", "Vietnamita"),
    "tl": ("Tagalog", "Tagalo"),
    "ase": ("American Sign Language", "Lengua de señas americana"),
    "other": ("Another language", "Otro idioma"),
}
INTERPRETER: Labels = {
    "not_stated": ("Not stated", "Sin indicar"),
    "none": ("None needed", "No hace falta"),
    "phone": ("By phone", "Por teléfono"),
    "in_person": ("In person", "En persona"),
    "sign": ("Sign language", "Lengua de señas"),
}
# What was used at an attempt. There is no code for a relative, a friend or a companion of the
# survivor (45 CFR 92.201(e): no reliance on accompanying adults or minor children to interpret).
INTERPRETER_USED: Labels = {
    "none": ("None", "Ninguno"),
    "phone": ("By phone", "Por teléfono"),
    "in_person": ("In person", "En persona"),
    "sign": ("Sign language", "Lengua de señas"),
}
ATTEMPT: Labels = {
    "connected": ("She spoke with an advocate", "Habló con una defensora"),
    "not_connected": ("Not connected", "No se logró"),
}
ACCESS_NEEDS: Labels = {
    "wheelchair": ("Step-free access", "Acceso sin escalones"),
    "hearing": ("Hearing", "Audición"),
    "sight": ("Sight", "Visión"),
    "pets": ("Comes with an animal", "Viene con un animal"),
    "children": ("Comes with children", "Viene con niños"),
    "medication": ("Needs her medication", "Necesita sus medicinas"),
}
WANTED: Labels = {
    "call_worker": ("Call the worker", "Llamar a quien refiere"),
    "call_her_now": ("Speak with her now", "Hablar con ella ahora"),
    "come_here": ("Come here, to where she is", "Venir aquí, donde está ella"),
    "come_to_us": ("She can come to you", "Ella puede ir a ustedes"),
}
AGREEMENT: Labels = {
    "agrees": ("She agrees to this notice", "Está de acuerdo con este aviso"),
    "not_asked_unsafe": ("Asking was not safe", "No era seguro preguntar"),
    "cannot_say": ("She cannot say now", "No puede decirlo ahora"),
}
DECLINE: Labels = {
    "no_capacity": ("No room or nobody free", "Sin cupo o sin personal"),
    "out_of_area": ("Outside our area", "Fuera de nuestra área"),
    "not_this_service": ("Not what this service does", "No es lo que hace este servicio"),
    "other": ("Other", "Otro"),
}
# A reason known only from who the survivor is: it stays with the agency (R2, "requested, utilized,
# or denied").
PRIVATE_REASON: Labels = {
    "conflict_of_interest": ("Conflict of interest", "Conflicto de intereses"),
    "not_eligible": ("Not eligible", "No cumple requisitos"),
    "survivor_declined": ("She said no", "Ella no quiso"),
    "could_not_contact": ("Could not reach her", "No se logró contactarla"),
    "already_served": ("Already with us", "Ya la atendemos"),
    "other": ("Other", "Otro"),
}
OUTCOME: Labels = {
    "connected": ("She spoke with an advocate", "Habló con una defensora"),
    "served": ("She received the service", "Recibió el servicio"),
    "referred_on": ("Referred elsewhere, with her word", "Referida a otro lugar, con su acuerdo"),
    "information_given": ("Information given", "Se dio información"),
    "other": ("Other", "Otro"),
}
HANDOFF_MODE: Labels = {
    "in_person": ("In person", "En persona"),
    "three_way_call": ("Three-way call", "Llamada entre tres"),
    "phone": ("Phone", "Teléfono"),
    "video": ("Video", "Video"),
}
WITHDRAW: Labels = {
    "no_longer_wanted": ("No longer wanted", "Ya no se desea"),
    "help_found": ("Help found elsewhere", "Se halló ayuda en otro lugar"),
    "wrong_service": ("Wrong service", "Servicio equivocado"),
    "other": ("Other", "Otro"),
}
MARK_ERROR: Labels = {
    "wrong_recipient": ("Sent to the wrong agency", "Enviada a la agencia equivocada"),
    "wrong_content": ("What it says is wrong", "Lo que dice está equivocado"),
    "duplicate": ("Sent twice", "Enviada dos veces"),
    "test": ("A test, nobody real", "Una prueba, nadie real"),
    "other": ("Other", "Otro"),
}
REVOKED_VIA: Labels = {
    "oral": ("She said so", "Lo dijo"),
    "written": ("In writing", "Por escrito"),
    "through_other": ("Through another person", "Por medio de otra persona"),
}
CALL_OUTCOME: Labels = {
    "reached": ("Reached, they will help", "Atendieron y ayudarán"),
    "full": ("Full", "Sin cupo"),
    "out_of_area": ("Outside their area", "Fuera de su área"),
    "not_this_service": ("Not their service", "No es su servicio"),
    "no_answer": ("No answer", "No contestaron"),
    "wrong_number": ("Wrong or dead number", "Número equivocado"),
}
PURPOSE: Labels = {
    "intake": ("To take her in", "Para recibirla"),
    "service": ("To give the service", "Para dar el servicio"),
    "safety": ("For her safety", "Por su seguridad"),
    "hand_off": ("For the hand-off", "Para la entrega"),
    "review": ("To review the work", "Para revisar el trabajo"),
    "legal_duty": ("A legal duty", "Un deber legal"),
}
# Why leads assign themselves to a referral (R7). The table self_assignment has the same codes.
SELF_ASSIGNMENT: Labels = {
    "holder_away": ("Whoever holds it is away", "Quien lo lleva no está"),
    "nobody_assigned": ("Nobody works on it", "Nadie trabaja en esto"),
    "safety": ("For her safety", "Por su seguridad"),
    "review": ("To review the work", "Para revisar el trabajo"),
    "legal_duty": ("A legal duty", "Un deber legal"),
}
RELEASE_PURPOSE: Labels = {
    "receive_service": ("To receive this service", "Para recibir este servicio"),
    "coordinate_care": ("To coordinate care", "Para coordinar la atención"),
    "safety": ("For her safety", "Por su seguridad"),
    "legal_matter": ("For a legal matter", "Para un asunto legal"),
}
# R8: an agency's own records of what the law made it disclose.
REPORT_BASIS: Labels = {
    "child_abuse": ("Abuse or neglect of a child", "Maltrato o descuido de un menor"),
    "vulnerable_adult": (
        "Abuse of an older person or a person with a disability",
        "Maltrato de una persona mayor o con discapacidad",
    ),
    "wound": ("A wound that must be reported", "Una herida que se debe notificar"),
    "threat": ("A threat against somebody", "Una amenaza contra alguien"),
    "other": ("Another law", "Otra ley"),
}
REPORT_TO: Labels = {
    "child_protection": ("Child protection", "Protección de menores"),
    "adult_protection": ("Adult protection", "Protección de adultos"),
    "police": ("Police", "Policía"),
    "other": ("Another office", "Otra oficina"),
}
COMPELLED_BY: Labels = {
    "court_order": ("An order of a court", "Una orden de un tribunal"),
    "search_warrant": ("A search warrant", "Una orden de registro"),
    "subpoena": ("A subpoena, without an order", "Una citación, sin orden del tribunal"),
    "statute": ("A law that names it", "Una ley que lo exige"),
    "other": ("Something else", "Otra cosa"),
}
COMPELLED_TO: Labels = {
    "court": ("A court", "Un tribunal"),
    "prosecution": ("The prosecution", "La fiscalía"),
    "defence": ("The defence", "La defensa"),
    "police": ("Police", "Policía"),
    "other_party": ("Another party's lawyer", "La abogacía de otra parte"),
    "nobody": ("Nobody: it was refused or fought", "A nadie: se negó o se impugnó"),
    "other": ("Somebody else", "Otra persona"),
}
SURVIVOR_TOLD: Labels = {
    "told_before": ("She was told before", "Se le dijo antes"),
    "told_after": ("She was told after", "Se le dijo después"),
    "will_be_told": ("She will be told", "Se le dirá"),
    "not_told_unsafe": ("Not told: it is not safe", "No se le dijo: no es seguro"),
    "not_told_not_reached": ("Not told: not reached", "No se le dijo: no se la encontró"),
    "not_told_forbidden": ("Not told: a court or law forbids", "No se le dijo: está prohibido"),
}
PROMPTLY_INFORMED: Labels = {
    "told": ("She was told that it is being shared", "Se le dijo que se comparte"),
    "will_be_told": ("She will be told, promptly", "Se le dirá sin demora"),
    "not_told_risk_of_harm": (
        "Not told: it would put her at risk of serious harm",
        "No se le dijo: la pondría en riesgo de daño grave",
    ),
    "not_told_representative": (
        "Not told: it would go to a representative who may have harmed her",
        "No se le dijo: llegaría a un representante que pudo dañarla",
    ),
}
REDISCLOSURE_NOTICE: Labels = {
    "none": ("No notice", "Sin aviso"),
    "part2": (
        "42 CFR part 2 prohibits unauthorized use or disclosure of these records.",
        "42 CFR parte 2 prohíbe el uso o la divulgación no autorizados de estos registros.",
    ),
    "network": (
        "Shared on her word, for this purpose, with your agency alone. Pass nothing on without"
        " asking her.",
        "Compartido con su permiso, para este fin y solo con su agencia. No pase nada a nadie sin"
        " preguntarle.",
    ),
}


# The deadline that passed without what was due by it.
CLOCK: Labels = {
    "ack_by": ("Nobody looked at it in time", "Nadie lo miró a tiempo"),
    "accept_by": ("No yes or no in time", "Sin respuesta a tiempo"),
    "handoff_by": ("Nobody tried to reach her in time", "Nadie trató de contactarla a tiempo"),
}
# An end that no person chose. Which end an advocate chooses stays sealed (R2).
ENDED_BY_THE_CLOCK: Labels = {
    "idle": ("Nothing was done for 21 days", "No se hizo nada en 21 días"),
}


# A release and its packet. The codes are in permissions/policy/disclosure.py, with the law.
BASIS: Labels = {
    "written_release": ("Written release, signed", "Permiso escrito y firmado"),
    "hipaa_authorization": ("HIPAA authorization, signed", "Autorización HIPAA firmada"),
    "hipaa_agreement": (
        "Her agreement under HIPAA, heard by the worker",
        "Su acuerdo según HIPAA, oído por quien refiere",
    ),
    "stated_agreement": (
        "Her stated agreement, heard by the worker",
        "Su acuerdo de palabra, oído por quien refiere",
    ),
}
FORM: Labels = {
    "written": ("On paper, signed", "En papel, firmado"),
    "e_signature": ("Signed on the screen", "Firmado en la pantalla"),
    "oral_witnessed": ("Spoken, heard by the worker", "De palabra, oído por quien refiere"),
}
ATTESTATION: Labels = {
    "risks_explained": (
        "The risks of sharing were explained to her",
        "Se le explicaron los riesgos de compartir",
    ),
    "alternatives_offered": (
        "Other ways were offered (she calls herself, nothing is written)",
        "Se le ofrecieron otras formas (llama ella misma, no se escribe nada)",
    ),
    "not_a_condition_of_service": (
        "She was told that help does not depend on it",
        "Se le dijo que la ayuda no depende de esto",
    ),
    "platform_explained": (
        "She was told that it passes through this system, and who can see it",
        "Se le dijo que pasa por este sistema, y quién puede verlo",
    ),
    "right_to_revoke_told": (
        "She was told that she can end it at any time",
        "Se le dijo que puede terminarlo cuando quiera",
    ),
    "may_be_redisclosed_told": (
        "She was told that the other agency may have to pass it on",
        "Se le dijo que la otra agencia puede tener que comunicarlo",
    ),
    "told_no_effect_on_case": (
        "She was told that it has no effect on her case",
        "Se le dijo que no cambia nada en su caso",
    ),
    "police_may_have_to_disclose": (
        "She was told that police may have to disclose it",
        "Se le dijo que la policía puede tener que revelarlo",
    ),
    "signed_on_screen": (
        "She read it, or it was read to her, and signed on the screen herself",
        "Lo leyó, o se le leyó, y ella misma firmó en la pantalla",
    ),
}

CODE_LISTS: dict[str, Labels] = {
    "urgency": URGENCY,
    "needs": NEEDS,
    "concern": CONCERN,
    "age_band": AGE_BAND,
    "household_size": HOUSEHOLD_SIZE,
    "language": LANGUAGE,
    "interpreter": INTERPRETER,
    "interpreter_used": INTERPRETER_USED,
    "attempt": ATTEMPT,
    "access_needs": ACCESS_NEEDS,
    "wanted": WANTED,
    "agreement": AGREEMENT,
    "decline": DECLINE,
    "private_reason": PRIVATE_REASON,
    "outcome": OUTCOME,
    "handoff_mode": HANDOFF_MODE,
    "withdraw": WITHDRAW,
    "mark_error": MARK_ERROR,
    "revoked_via": REVOKED_VIA,
    "call_outcome": CALL_OUTCOME,
    "purpose": PURPOSE,
    "self_assignment": SELF_ASSIGNMENT,
    "clock": CLOCK,
    "ended_by_the_clock": ENDED_BY_THE_CLOCK,
    "release_purpose": RELEASE_PURPOSE,
    "report_basis": REPORT_BASIS,
    "report_to": REPORT_TO,
    "compelled_by": COMPELLED_BY,
    "compelled_to": COMPELLED_TO,
    "survivor_told": SURVIVOR_TOLD,
    "promptly_informed": PROMPTLY_INFORMED,
    "redisclosure_notice": REDISCLOSURE_NOTICE,
    "basis": BASIS,
    "form": FORM,
    "attestation": ATTESTATION,
    "packet_field": packet_fields.LABELS,
    "screening": SCREENING,
}


def notice_in_words(code: str | None) -> str | None:
    """Return the notice that goes with a disclosure, for its readers. None: there is no notice."""
    return None if code in (None, "none") else REDISCLOSURE_NOTICE[code][0]


def check(name: str, code: str) -> None:
    """Raise BadRequest unless `code` is in the list `name`."""
    if code not in CODE_LISTS[name]:
        raise BadRequest("unknown_code", f"Not a code of {name}.")
