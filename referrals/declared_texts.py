"""The English texts that are declared as data, in the order of their declaration: labels of codes
and packet fields, the acts' words at the desk and in the log, what messages say, and who sees
what.

They are not marked for translation one by one. The code that shows one asks `gettext` for it;
`manage.py translations` takes them from here into the message catalogues.
"""

from collections.abc import Iterator

from permissions.reference import matrix
from referrals.act_registry.registry import ACTS, Act
from referrals.codes import CODE_LISTS
from referrals.law.texts import every_text
from referrals.notifications.keyed_calls import ANSWERS, ASKS_AWAKE, AWAKE
from referrals.notifications.message_texts import AWAKE_BUTTON, SAYS, WITH_SECRET
from referrals.packet_fields import FIELDS
from referrals.rights.items import ITEMS


def declared_texts() -> Iterator[str]:
    """Yield each text; some come more than once, none is empty."""
    for labels in CODE_LISTS.values():
        yield from labels.values()
    for field in FIELDS:
        yield from filter(None, (field.label, field.paper, field.hint))
    yield from (*SAYS.values(), *WITH_SECRET.values(), *ANSWERS.values())
    yield from (ASKS_AWAKE, *AWAKE.values(), AWAKE_BUTTON)
    yield from matrix.texts()
    yield from (one.text for one in every_text())
    yield from (one.label for one in ITEMS)
    for act in ACTS.values():
        yield from filter(None, _of_act(act))


def _of_act(act: Act) -> Iterator[str]:
    yield from (act.history, act.logged)
    if act.page:
        page = act.page
        yield from (page.offer, page.title, page.says, page.brief, page.button, page.done)
    for field in act.body.fields if act.body else ():
        yield from (getattr(field, "question", ""), getattr(field, "hint", ""))
