"""What messages say: a reference and neutral words, nothing else (R10). Other languages are in the
message catalogues.

A text has no name, no service, no agency and no link, but that of a test. A person who reads it
over a shoulder, or on a shared phone, learns only that work waits. All texts have one size, so that
their length reveals nothing.
"""

from django.utils import translation
from django.utils.translation import gettext

from directory import vocabulary
from directory.editing import verification

SIZE = 160  # bytes; one SMS

# What each template says in the text. ASCII letters only, in every language: an accent changes the
# SMS encoding.
SAYS = {
    "notice": "You have a new referral to answer.",
    "answered": "You have a reply.",
    "accept_undone": "The accept was taken back. Check your next step.",
    "changed": "A referral was updated.",
    "taken_back": "Withdrawn. Do not make contact.",
    "stop": "Stop now. Do not make contact.",
    "call_me": "Please call the other agency.",
    "assigned": "A coworker assigned you.",
    "unanswered": "No one has answered it yet. Please act now.",
    "late": "No reply in time. Check your next step.",
    "answer_now": "It is overdue. Please act now.",
    "take_over": "It needs someone to take it over.",
    "contact": "Our on-call line is not answering. Please call us.",
    "expired": "It expired without an answer. Check your next step.",
    "review": "There is something for you to review.",
    "practice": "PRACTICE ONLY. This is an exercise, and no one waits.",
    "test": "This is a test. No action is needed.",
    "code": "Enter it to confirm this contact. Not yours? Ignore this.",
    "no_line": "No phone line answers at your agency now.",
    "check_shifts": "Please check your on-call shifts.",
    "new_device": "A new device signed in as you. Not you? Tell your administrator.",
    "account_changed": "How you sign in was changed. Not you? Tell your administrator.",
    "sign_in_reset": "A sign-in at your agency is being set up again.",
    "operator_act": (
        "Cairn's operator changed something at your agency, or tried to. See Changes at our agency."
    ),
    "sign_in_away": "Your agency's sign-in is not answering us.",
    "silent_line": "A phone line at your agency did not answer two tests.",
    "lost_acts": "The server was restored. Acts may be lost. See Alerts.",
    "webhook_failing": "One of your systems is not answering us.",
    "webhook_stopped": "We have stopped sending to one of your systems.",
}


# Messages with a secret: the link of an invitation or of a question about an entry, a code that is
# spoken, a call in which one is keyed, whose secret is not said (keyed_calls.py), and the test of a
# line, which is answered without signing in (line_tests). They have texts of their own, and no
# frame.
WITH_SECRET = {
    "invitation": (
        "You were invited to Cairn. Open this link on your own device within 48 hours: {secret}"
        " Not expected? Do not open it."
    ),
    "reset": (
        "Your agency lets you set up your Cairn sign-in again. Open this link on your own device"
        " within 24 hours: {secret} Not expected? Do not open it, and call your agency."
    ),
    "card_code": (
        "This is Cairn. A person with your agency's card asks to send a notice for your agency. If"
        " an officer of yours told you of it, key the six digits on their screen now. If not, hang"
        " up, and nothing is sent."
    ),
    "line_call": "This is a test of this phone. Please press any key.",
    "line_text": (
        "This is a test of this phone. Please open this link and press the button: {secret}"
    ),
    "entry_check": (
        "Once a year Cairn asks whether a public directory says the right things about you. Open"
        " this link within 30 days, look, and press a button: {secret} It works once. On its page"
        " you can also say that you want no such emails."
    ),
    "entry_check_again": (
        "A reminder: Cairn asks whether a public directory says the right things about you. Open"
        " this link, look, and press a button: {secret} It works once. On its page you can also say"
        " that you want no such emails."
    ),
    "spoken_code": (
        "This is Cairn. Someone asks to administer Cairn for your agency. If your agency knows of"
        " it, give them this code: {secret}. If not, hang up."
    ),
}


# Mails to someone whose language no one knows: in each of these, one below the other.
OF_STRANGERS = verification.TEMPLATES
LANGUAGES = vocabulary.LANGUAGES  # English first


# The button of a notification on a member's own device, as on the desk's pages.
AWAKE_BUTTON = "I'm awake, opening it"


def awake_button(language: str) -> str:
    """Return the words of the button by which a member claims (referrals/claims)."""
    with translation.override(language):
        return gettext(AWAKE_BUTTON)


def subject(language: str) -> str:
    """Return the subject of every mail, and the title of every push."""
    with translation.override(language):
        return gettext("Cairn: a reference for you")


def text(template: str, language: str, reference: str) -> str:
    """Return the text of one message, SIZE bytes long; one with a secret is as long as it is.
    Raises KeyError for an unknown template."""
    if template in OF_STRANGERS:
        return "\n\n".join(_with_secret(template, one, reference) for one in LANGUAGES)
    if template in WITH_SECRET:
        return _with_secret(template, language, reference)
    with translation.override(language):
        frame = gettext("Reference {reference}. {says} Sign in to view it. Replies are not read.")
        words = frame.format(reference=reference, says=gettext(SAYS[template]))
    assert len(words.encode()) <= SIZE, template
    return words.ljust(SIZE)


def _with_secret(template: str, language: str, secret: str) -> str:
    with translation.override(language):
        return gettext(WITH_SECRET[template]).format(secret=secret)


def spoken(template: str, language: str, reference: str) -> str:
    """Return the same text for a call, spoken by a machine: the reference letter by letter."""
    return text(template, language, ", ".join(reference)).strip()
