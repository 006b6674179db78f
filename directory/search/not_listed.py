"""What people search for and no term of ours says, because it is no service for victims: counted
under *not listed*, so that a gap that everyone knows of leaves a number (ADR 0138).

Only exactly these words are counted. A term that a taxonomy of ours has is never here.
"""

import re
from functools import lru_cache

CODES: dict[str, tuple[str, ...]] = {
    "class_for_buyers": (
        *("class for buyers", "buyers class", "buyer class", "buyer education", "john school"),
        *("johns school", "class for johns", "sex buyer program", "sex buyers program"),
        *("first offender prostitution program", "demand reduction class"),
        *("clase para compradores", "escuela para compradores", "programa para compradores"),
    ),
    "batterer_intervention": (
        *("batterer intervention", "batterers intervention", "batterer intervention program"),
        *("batterers program", "batterer program", "abuser intervention", "bip class"),
        *("class for abusers", "intervención para agresores", "programa para agresores"),
    ),
    "sex_offender_treatment": (
        *("sex offender treatment", "sex offender program", "tratamiento para agresores sexuales"),
    ),
    "training": (
        *("trafficking training", "human trafficking training", "training on trafficking"),
        *("training for staff", "staff training", "community training"),
        *("capacitación sobre trata", "capacitación para personal"),
    ),
}


def code_for(words: str) -> str | None:
    """The code whose words are exactly these, without regard to case, spaces and points; None:
    there is none."""
    return _by_words().get(_plain(words))


def _plain(words: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", words.casefold()).split())


@lru_cache
def _by_words() -> dict[str, str]:
    return {_plain(one): code for code, words in CODES.items() for one in words}
