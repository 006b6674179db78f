"""What a text that people are shown may contain: what they can see, and nothing besides.

An invisible character can turn a phone number around, or make two names look the same. The API,
the desk, the packet and the directory ask here (ADR 0068). A text that is typed is refused, so that
it is typed again; one that is imported from elsewhere is cleaned.
"""

import re
import unicodedata

from django.utils.translation import gettext_noop

ONE_LINE = gettext_noop("This takes one line, without line breaks and tabs.")
HIDDEN = gettext_noop(
    "An invisible character is in this text: delete it and what is around it, then type it by hand"
    " instead of pasting it."
)

_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_ODD_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
# Control and format characters (among them all that turn the direction of writing or have no
# width), lone halves of a pair, and separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SUSPECT = re.compile("[^\\w\x20-\x7e]")  # neither a letter or digit of any script nor ASCII
_BLANK = re.compile("[\u034f\u115f\u1160\u3164\uffa0]")  # letters and a mark without a shape
_JOINERS = frozenset("\u200c\u200d")
# What a joiner may follow: a letter of a script without capitals (Persian, Hindi), a mark, an emoji
# or its color. A digit, a Latin letter, a space or another joiner is none of these.
_JOINED = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})


def normalized(text: str) -> str:
    """Return the text in NFC, with line ends as `\\n`: one way to write what looks the same."""
    return unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text))


def fault_of(text: str, *, lines: bool) -> str | None:
    """Return why a normalized text cannot be taken, in words that say what to do; None: it can.
    `lines`: it may have several."""
    if text.isascii() and text.isprintable():
        return None
    for found in _SUSPECT.finditer(text):
        if found[0] in "\n\t":
            if not lines:
                return ONE_LINE
        elif _is_hidden(text, found.start()):
            return HIDDEN
    return HIDDEN if _BLANK.search(text) else None


def cleaned(text: str) -> str:
    """Return the text in NFC without what cannot be seen. Its usual line ends stay as they are."""
    composed = unicodedata.normalize("NFC", _BLANK.sub("", _ODD_LINE_ENDS.sub("\n", text)))
    seen = _SUSPECT.sub(
        lambda found: "" if _is_hidden(composed, found.start()) else found[0], composed
    )
    return unicodedata.normalize("NFC", seen)  # what the hidden one kept apart may go together


def _is_hidden(text: str, at: int) -> bool:
    sign = text[at]
    if sign in "\n\r\t":
        return False
    if sign in _JOINERS:
        before = text[at - 1] if at else " "
        return before.isascii() or unicodedata.category(before) not in _JOINED
    return unicodedata.category(sign) in _UNSEEN
