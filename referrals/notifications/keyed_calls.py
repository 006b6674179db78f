"""Calls in which a person keys a code: what the voice says and asks for, as TwiML. What was keyed
comes back to the address that the call names, which no one else knows.
"""

from xml.sax.saxutils import escape, quoteattr

from django.utils import translation
from django.utils.translation import gettext

from referrals.claims.digits import DIGITS as AWAKE_DIGITS
from referrals.notifications import message_texts

# The secret of such a message is where the answer goes.
TEMPLATES = frozenset({"card_code", "line_call"})
DIGITS = {"line_call": 1}  # any key; else six
VOICES = {"en": "en-US", "es": "es-US"}
WAITS_S = 20  # for the next key

# What the voice answers, once a code was keyed.
ANSWERS = {
    "sent": "Thank you. The notice is sent. Goodbye.",
    "wrong": "This is not the code. Ask the officer again, and key the six digits now.",
    "ended": "This is not the code, or its time is over. Nothing was sent. Goodbye.",
    "not_sent": (
        "The code is right, but the notice could not be sent. The officer's screen says why."
        " Goodbye."
    ),
    "line": "Thank you. Goodbye.",
}
# What a call about an emergency to a member's own line asks for, after its message; and what the
# voice answers there (referrals/claims/digits.py).
ASKS_AWAKE = "If you are awake and open it, key these two digits: {digits}."
AWAKE = {
    "claimed": "Thank you. For now no one else is called. Open it at once. Goodbye.",
    "wrong": "These are not the digits. Key the two digits now.",
    "over": "It waits for no one any more, or its time is over. Goodbye.",
    "ended": "These are not the digits. Others are called. Open it now. Goodbye.",
}


def asks(template: str, language: str, link: str) -> str:
    """What the call says first, twice, and that it waits for its keys."""
    digits = DIGITS.get(template, 6)
    return _gather(message_texts.spoken(template, language, ""), language, link, digits, loop=2)


def answers(keyed: str, language: str, link: str, digits: int = 6) -> str:
    """What the call says to a code that was keyed; a wrong one can be keyed again there."""
    with translation.override(language):
        words = gettext(ANSWERS[keyed])
    if keyed == "wrong":
        return _gather(words, language, link, digits)
    return f"<Response>{_say(words, language)}<Hangup/></Response>"


def awake_words(language: str, digits: str) -> str:
    """What a call says after its message, so that someone who is awake can say so."""
    with translation.override(language):
        return gettext(ASKS_AWAKE).format(digits=", ".join(digits))


def asks_awake(words: str, language: str, digits: str, link: str) -> str:
    """A call about an emergency that says these words and asks for the two digits, twice."""
    said = f"{words} {awake_words(language, digits)}"
    return _gather(said, language, link, AWAKE_DIGITS, loop=2)


def answers_awake(keyed: str, language: str, link: str) -> str:
    """What the call says to the digits that were keyed; wrong ones can be keyed again there."""
    with translation.override(language):
        words = gettext(AWAKE[keyed])
    if keyed == "wrong":
        return _gather(words, language, link, AWAKE_DIGITS)
    return f"<Response>{_say(words, language)}<Hangup/></Response>"


def _gather(words: str, language: str, link: str, digits: int, loop: int = 1) -> str:
    return (
        f'<Response><Gather input="dtmf" numDigits="{digits}" timeout="{WAITS_S}" method="POST"'
        f" action={quoteattr(link)}>{_say(words, language, loop)}</Gather></Response>"
    )


def _say(words: str, language: str, loop: int = 1) -> str:
    return f'<Say language="{VOICES[language]}" loop="{loop}">{escape(words)}</Say>'
