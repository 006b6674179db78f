"""A coworker's name, with whether they are on call."""

from collections.abc import Iterable

from django.utils.translation import gettext

from api.desk.request_context import Visit
from permissions.models import Membership
from referrals.on_call import overview


def as_choices(visit: Visit, members: Iterable[Membership]) -> list[tuple[str, str]]:
    """Return members as the choices of a form; who is on call now is said so."""
    on = overview.on_at(visit.agency.id, visit.now)
    words = {on.first: gettext("{name} (on call now)"), on.second: gettext("{name} (second)")}
    return [(str(one.id), words.get(one.id, "{name}").format(name=one.name)) for one in members]
