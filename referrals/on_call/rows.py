"""An agency's rota as the database keeps it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from permissions.errors import NotVisible
from permissions.models import CASEWORK, Membership
from referrals import models as m
from referrals.on_call.who_is_on import Rota, Rotation, Shift


def rotas(agency_ids: Iterable[UUID], ending_after: datetime, using: str) -> Mapping[UUID, Rota]:
    """The rota of each of these agencies, with the shifts that end later than that. Runs as
    `signin` or `jobs`; two queries."""
    wanted = list(agency_ids)
    kept = m.Shift.objects.using(using).filter(agency_id__in=wanted, ends_at__gt=ending_after)
    shifts: dict[UUID, list[Shift]] = {}
    for one in kept.order_by("id"):
        shifts.setdefault(one.agency_id, []).append(shift_of(one))
    rotations = _rotations(wanted, using)
    return {one: Rota(rotations.get(one), tuple(shifts.get(one, ()))) for one in wanted}


def shift_of(row: m.Shift) -> Shift:
    """A shift as who_is_on.py takes it."""
    return Shift(row.member_id, row.kind, row.begins_at, row.ends_at)


def rotation(agency_id: UUID) -> Rotation | None:
    """The rotation of one agency, without its shifts. Runs as `signin`."""
    return _rotations([agency_id], "signin").get(agency_id)


def _rotations(agency_ids: list[UUID], using: str) -> dict[UUID, Rotation]:
    kept = m.Rotation.objects.using(using).select_related("agency")
    return {
        one.agency_id: _rotation(one, one.agency.time_zone)
        for one in kept.filter(agency_id__in=agency_ids)
    }


def rota(agency_id: UUID, ending_after: datetime, using: str = "signin") -> Rota:
    """The rota of one agency."""
    return rotas([agency_id], ending_after, using)[agency_id]


def _rotation(row: m.Rotation, zone: str) -> Rotation:
    return Rotation(
        tuple(row.members),
        row.period,
        row.weekday,
        row.at,
        row.anchor,
        row.has_second,
        ZoneInfo(zone),
    )


def staff(agency_id: UUID) -> dict[UUID, Membership]:
    """The agency's live workers and leads, by name. Runs as `signin`."""
    found = Membership.objects.using("signin").filter(agency_id=agency_id, live=True)
    found = found.filter(roles__overlap=list(CASEWORK))
    return {one.id: one for one in found.order_by("name", "id")}


def require_staff(agency_id: UUID, members: Iterable[UUID]) -> dict[UUID, Membership]:
    """The same. Raises NotVisible if one of the members is none of them."""
    found = staff(agency_id)
    if not found.keys() >= set(members):
        raise NotVisible
    return found
