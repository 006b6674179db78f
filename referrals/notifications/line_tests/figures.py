"""The network's figures for its coordinator: how many minutes of a month each agency covered by a
line that answered, and how many of its lines do not answer. No one's name, and no number."""

from typing import NamedTuple
from uuid import UUID

from permissions.models import Agency
from permissions.principal import Principal
from referrals.notifications import gaps
from referrals.notifications.gaps import Uncovered
from referrals.notifications.line_tests import cover, silence
from referrals.notifications.line_tests.cover import Month


class Figures(NamedTuple):
    """One agency's figures, the running month first. `silent`: how many lines do not answer."""

    agency_id: UUID
    name: str
    silent: int
    months: list[Month]


class Coverage(NamedTuple):
    """What the coordinator is shown: agencies at which no phone answers, and every figure."""

    uncovered: list[Uncovered]
    agencies: list[Figures]


def read(principal: Principal) -> Coverage:
    """The figures of every agency that has any, by name, for the coordinator. One access entry.
    Raises NotPermitted."""
    uncovered = gaps.list_uncovered(principal)
    silent, months = silence.counts(), cover.of_all()
    named = Agency.objects.using("signin").filter(id__in={*silent, *months}, active=True)
    return Coverage(
        uncovered,
        [
            Figures(one.id, one.name, silent.get(one.id, 0), months.get(one.id, []))
            for one in named.order_by("name", "id")
        ],
    )
