"""The demo's notice card: the police have a registered number and a card that is switched on, so
that a reader can try it. Its address is at the desk, under "Notice card"."""

from uuid import uuid5

from api.dev.demo import NAMESPACE, agency_id, as_member
from permissions.card import cards
from permissions.enrollment import registered_numbers

NUMBER = "+14065550111"


def switch_on() -> None:
    """Do it as the agencies' own people do. Twice is safe: a card that is on keeps its code."""
    if registered_numbers.callable_number(agency_id("police")) is None:
        with as_member("police", "admin") as admin, as_member("police", "lead") as lead:
            registered_numbers.propose(admin, NUMBER)
            registered_numbers.accept(lead, NUMBER)
        with as_member("hospital", "lead") as other:
            registered_numbers.confirm(other, agency_id("police"), NUMBER)
    with as_member("police", "admin") as admin:
        if not cards.overview(admin).active:
            cards.switch_on(admin, uuid5(NAMESPACE, "police.lead"))
