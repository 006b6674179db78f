"""The words of the paper that the survivor signs, in English and Spanish. They are plain and short
enough to read aloud. A court-certified translator must read the Spanish before it is used."""

from typing import NamedTuple

from referrals.packet_fields import FIELDS


class Text(NamedTuple):
    title: str
    lead: str  # {to}: the agency it goes to; {service}
    choose: str
    purpose_title: str
    told_title: str
    until: str
    longest: str  # {days}
    revoke: str
    intermediary: str  # {platform}
    consent: str
    adult: str
    alone: str
    not_the_abuser: str
    name: str
    signature: str
    date: str
    witness: str
    spoken: str
    who: dict[str, str]
    purposes: dict[str, str]
    told: dict[str, str]
    fields: dict[str, str]


TEXTS = {
    "en": Text(
        title="My permission to share",
        lead="I let {sender} share with {to}, for “{service}”, and with nobody else, what I mark.",
        choose="I mark what may be shared. What I do not mark stays here.",
        purpose_title="What for: one of these",
        told_title="I was told",
        until="It ends on",
        longest="At most {days} days from today. I can choose less.",
        revoke="I can end it at any time, by saying so. What was shared is closed at once.",
        intermediary="It passes through {platform}, a system between agencies. It can be opened"
        " only by the people who help me there.",
        consent="Who consents",
        adult="I am 18 or over.",
        alone="I am under 18 and may receive this service without my parents' consent.",
        not_the_abuser="Whoever signs for me did not hurt me or my other parent.",
        name="Name",
        signature="Signature",
        date="Date and time",
        witness="Worker who was present",
        spoken="If she said it and did not sign (not for alcohol or drug treatment): the worker"
        " who heard it",
        who={
            "self": "I myself",
            "parent": "My parent",
            "guardian": "My guardian",
            "court_appointed": "A guardian appointed by a court",
        },
        purposes={
            "receive_service": "So that I receive this service",
            "coordinate_care": "So that those who help me work together",
            "safety": "For my safety",
            "legal_matter": "For a legal matter of mine",
        },
        told={
            "risks_explained": "what can happen when it is shared",
            "alternatives_offered": "what else I can do: ring them myself, or have nothing written",
            "not_a_condition_of_service": "that I get help here whether I sign or not",
            "platform_explained": "which system it passes through, and who can see it there",
            "right_to_revoke_told": "that I can end this at any time",
            "may_be_redisclosed_told": "that the law may make the other agency pass it on",
            "told_no_effect_on_case": "that it has no effect on my case whether I sign or not",
            "police_may_have_to_disclose": "that police may have to disclose what they know",
        },
        fields={field.name: field.paper[0] for field in FIELDS},
    ),
    "es": Text(
        title="Mi permiso para compartir",
        lead="Permito que {sender} comparta con {to}, para «{service}», y con nadie más, lo que"
        " marco.",
        choose="Marco lo que se puede compartir. Lo que no marco se queda aquí.",
        purpose_title="Para qué: uno de estos",
        told_title="Me explicaron",
        until="Termina el",
        longest="Como máximo {days} días desde hoy. Puedo elegir menos.",
        revoke="Puedo terminarlo cuando quiera; basta con decirlo. Lo compartido se cierra"
        " enseguida.",
        intermediary="Pasa por {platform}, un sistema entre agencias. Allí solo lo pueden abrir"
        " las personas que me ayudan.",
        consent="Quién da el permiso",
        adult="Tengo 18 años o más.",
        alone="Soy menor de 18 años y puedo recibir este servicio sin permiso de mis padres.",
        not_the_abuser="Quien firma por mí no me hizo daño a mí ni a mi otro padre o madre.",
        name="Nombre",
        signature="Firma",
        date="Fecha y hora",
        witness="Persona de la agencia que estuvo presente",
        spoken="Si lo dijo y no firmó (no vale para tratamiento por alcohol o drogas): quién de"
        " la agencia lo oyó",
        who={
            "self": "Yo misma o yo mismo",
            "parent": "Mi padre o mi madre",
            "guardian": "Mi tutor o tutora",
            "court_appointed": "Un tutor nombrado por un tribunal",
        },
        purposes={
            "receive_service": "Para recibir este servicio",
            "coordinate_care": "Para que quienes me ayudan trabajen en conjunto",
            "safety": "Por mi seguridad",
            "legal_matter": "Para un asunto legal mío",
        },
        told={
            "risks_explained": "qué puede pasar al compartirlo",
            "alternatives_offered": "qué más puedo hacer: llamar yo, o que no se escriba nada",
            "not_a_condition_of_service": "que aquí recibo ayuda firme o no firme",
            "platform_explained": "por qué sistema pasa y quién puede verlo allí",
            "right_to_revoke_told": "que puedo terminarlo cuando quiera",
            "may_be_redisclosed_told": "que la ley puede obligar a la otra agencia a comunicarlo",
            "told_no_effect_on_case": "que firmar o no firmar no cambia nada en mi caso",
            "police_may_have_to_disclose": "que la policía puede tener que revelar lo que sabe",
        },
        fields={field.name: field.paper[1] for field in FIELDS},
    ),
}
