"""What messages say, in English and Spanish: a reference and neutral words, nothing else (R10).

A text has no name, no service, no agency and no link. A person who reads it over a shoulder, or on
a shared phone, learns only that work waits. All texts have one size, so that their length reveals
nothing.
"""

SUBJECT = {"en": "Cairn: a reference for you", "es": "Cairn: una referencia para usted"}
SIZE = 160  # bytes; one SMS

# What each template says in the text. ASCII letters only: an accent changes the SMS encoding.
SAYS = {
    "notice": ("A new request waits for your answer.", "Una solicitud espera su respuesta."),
    "answered": ("There is an answer for you.", "Hay una respuesta para usted."),
    "changed": ("Something was changed.", "Algo se ha cambiado."),
    "taken_back": (
        "It was taken back. Make no contact.",
        "Se ha retirado. No haga ningun contacto.",
    ),
    "stop": ("Stop now. Make no contact.", "Pare ahora. No haga ningun contacto."),
    "call_me": ("Please ring the other agency.", "Por favor llame a la otra agencia."),
    "assigned": ("A colleague put you on it.", "Una colega se lo ha asignado."),
    "late": (
        "No answer in time. Look at your next step.",
        "Sin respuesta a tiempo. Vea el paso siguiente.",
    ),
    "answer_now": ("It is past its time. Please act now.", "El plazo ha pasado. Actue ahora."),
    "contact": (
        "Our duty desk does not answer. Please ring us.",
        "Nuestra guardia no responde. Llamenos por favor.",
    ),
    "expired": (
        "Time ran out without an answer. Look at your next step.",
        "El plazo termino sin respuesta. Vea el paso siguiente.",
    ),
    "review": ("There is something for you to review.", "Hay algo que usted debe revisar."),
    "test": ("This is a test. Nothing waits.", "Esto es una prueba. Nada espera."),
    "webhook_failing": (
        "A system of yours does not answer us.",
        "Un sistema suyo no nos responde.",
    ),
    "webhook_stopped": (
        "We send nothing more to a system of yours.",
        "Ya no enviamos nada a un sistema suyo.",
    ),
}
_FRAME = {
    "en": "Reference {reference}. {says} Sign in to see it; an answer to this message is not read.",
    "es": "Referencia {reference}. {says} Entre para verlo; no se leen respuestas a este mensaje.",
}


def text(template: str, language: str, reference: str) -> str:
    """Return the text of one message, SIZE bytes long. Raises KeyError for an unknown template."""
    says = SAYS[template][("en", "es").index(language)]
    words = _FRAME[language].format(reference=reference, says=says)
    assert len(words.encode()) <= SIZE, template
    return words.ljust(SIZE)


def spoken(template: str, language: str, reference: str) -> str:
    """Return the same text for a call, spoken by a machine: the reference letter by letter."""
    return text(template, language, ", ".join(reference)).strip()
