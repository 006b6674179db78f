"""What a person recognizes a device by: the family of its browser and of its system, as two letters
each. A browser's own text says far more, and is nowhere kept."""

from typing import NamedTuple

from django.utils.translation import gettext

from permissions.identity.credentials import BACKGROUND

# The first that a browser's text contains. Most say that they are others, too: so this order.
BROWSERS = (
    ("ed", "Edge", ("Edg/", "EdgA/", "EdgiOS/")),
    ("sa", "Samsung Internet", ("SamsungBrowser/",)),
    ("op", "Opera", ("OPR/", "OPiOS/")),
    ("fi", "Firefox", ("Firefox/", "FxiOS/")),
    ("ch", "Chrome", ("Chrome/", "CriOS/", "Chromium/")),
    ("sf", "Safari", ("Safari/",)),
)
SYSTEMS = (
    ("ip", "iPhone", ("iPhone",)),
    ("id", "iPad", ("iPad",)),
    ("an", "Android", ("Android",)),
    ("wi", "Windows", ("Windows NT",)),
    ("cr", "ChromeOS", ("CrOS",)),
    ("ma", "Mac", ("Macintosh",)),
    ("li", "Linux", ("Linux",)),
)
NONE = "--"
NEW, KNOWN = "n", "k"
READ_CHARACTERS = 500  # of a browser's text


class Device(NamedTuple):
    """A device in words. `new`: the person had not signed in on it before."""

    words: str
    new: bool


def code_of(user_agent: str, *, new: bool) -> str:
    """Return the five letters for a browser's text: browser, system, and whether it is new."""
    text = user_agent[:READ_CHARACTERS]
    found = [
        next((code for code, _, marks in known if any(one in text for one in marks)), NONE)
        for known in (BROWSERS, SYSTEMS)
    ]
    return "".join(found) + (NEW if new else KNOWN)


def device_of(code: str) -> Device | None:
    """Return the device of five letters; None for a sign-in of which nothing was kept."""
    if len(code) != 5:
        return None
    if code == BACKGROUND:
        return Device(gettext("The background work, for an export"), new=False)
    browser = {code: name for code, name, _ in BROWSERS}.get(code[:2])
    system = {code: name for code, name, _ in SYSTEMS}.get(code[2:4])
    if browser and system:
        words = gettext("{browser} on {system}").format(browser=browser, system=system)
    else:
        words = browser or system or gettext("An unknown browser")
    return Device(words, code[4] == NEW)
