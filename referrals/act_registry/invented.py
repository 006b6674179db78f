"""The values that every text has in practice. Nothing else can be written there, so that no one's
name or story gets into an exercise.

A form shows them and takes none of what is typed (api/desk/practice/words.py); the acts refuse any
other text, whatever asks.
"""

from permissions.errors import BadRequest
from permissions.principal import Principal

NUMBER = "406-555-0100"
TEXT = "Practice. Invented."
# By the name of the field; TEXT for any other.
VALUES = {
    "callback": NUMBER,
    "phone": "406-555-0142",
    "name": "Practice Person",
    "alias": "Practice Name",
    "pronouns": "they",
    "date_of_birth": "January 1, 1990",
    "email": "practice@example.org",
    "address": "1 Practice Street, Missoula",
    "safe_contact": "Practice: call between 9 and 10 a.m. Leave no message.",
    "emergency_contact": "Practice Friend, 406-555-0143",
    "case_number": "PRACTICE-1",
    "ref": "PRACTICE-1",
}


def value_of(field: str) -> str:
    """What the text field of this name says in practice."""
    return VALUES.get(field, TEXT)


def require_invented(principal: Principal, field: str, text: str | None) -> None:
    """Raise BadRequest (`not_invented`) if the caller is in an exercise and this is a text of their
    own. None and an empty text pass: nothing is written."""
    if principal.practices and text and text != value_of(field):
        raise BadRequest(
            "not_invented", "In practice, texts are invented ones that are given.", f"/{field}"
        )
