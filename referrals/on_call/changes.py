"""What leads and administrators set of their agency's rota, and what members swap among themselves.

Each change commits together with its access entry, which leads and administrators read under
"Changes at our agency". The member it concerns is asked by their own contacts to look at their
shifts.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import connections

from permissions.database.advisory_locks import lock_agency
from permissions.database.clock import database_now
from permissions.enrollment.administration import administered, code_of
from permissions.errors import BadRequest, NotPossible, NotVisible
from permissions.models import Membership
from permissions.principal import Principal
from referrals import models as m
from referrals.models.on_call import PERIODS, SHIFT_KINDS
from referrals.on_call import rows
from referrals.on_call.who_is_on import Rota, Shift, plan, who_is_on

EDITORS = ("lead", "agency_admin")
MOST_IN_TURN = 50
MOST_SHIFTS = 500  # that have not ended, of one agency
LONGEST = timedelta(days=92)  # of one shift
FURTHEST = timedelta(days=732)  # from now
KEPT = timedelta(days=60)  # after its end a shift is forgotten
LOOK = "check_shifts"  # the message's template
MOST_ASKED = 20  # swaps of one member that wait


def set_rotation(
    principal: Principal,
    members: Sequence[UUID],
    *,
    period: str,
    weekday: int,
    at: time,
    anchor: date,
    has_second: bool,
) -> None:
    """Set who answers in turn, in this order, instead of what was set before. Twice is safe. Raises
    BadRequest, NotPermitted, NotVisible (no worker or lead of the agency), Unavailable."""
    with administered(principal, "rota.set_rotation", *EDITORS) as codes:
        if period not in PERIODS or not 0 <= weekday <= 6 or at.second or at.microsecond:
            raise BadRequest("invalid", "Choose a day and a time.", "/at")
        if not 1 <= len(members) <= MOST_IN_TURN or len(set(members)) != len(members):
            raise BadRequest("invalid", "Name each member once, and at least one.", "/members")
        if has_second and len(members) < 2:
            raise BadRequest("invalid", "A second person needs two members.", "/has_second")
        if not abs(anchor - database_now("signin").date()) <= FURTHEST:
            raise BadRequest("invalid", "Choose a day within two years.", "/anchor")
        lock_agency(principal.agency_id, "signin")
        staff = rows.require_staff(principal.agency_id, members)
        m.Rotation.objects.using("signin").update_or_create(
            agency_id=principal.agency_id,
            defaults={
                "members": list(members),
                "period": period,
                "weekday": weekday,
                "at": at,
                "anchor": anchor,
                "has_second": has_second,
            },
        )
        codes += [f"period:{period}", *(code_of("member", one) for one in members)]
        _ask_to_look(principal, (staff[one] for one in members))


def end_rotation(principal: Principal) -> None:
    """End the rotation; shifts that were entered stay. Twice is safe. Raises NotPermitted,
    Unavailable."""
    with administered(principal, "rota.end_rotation", *EDITORS):
        lock_agency(principal.agency_id, "signin")
        m.Rotation.objects.using("signin").filter(agency_id=principal.agency_id).delete()


def add_shift(
    principal: Principal, member_id: UUID, kind: str, begins_at: datetime, ends_at: datetime
) -> None:
    """Enter who answers, or is away, between two moments. The same one again changes nothing.
    Raises BadRequest, NotPermitted, NotPossible, NotVisible, Unavailable."""
    with administered(principal, "rota.add_shift", *EDITORS) as codes:
        lock_agency(principal.agency_id, "signin")
        staff = rows.require_staff(principal.agency_id, [member_id])
        shift = Shift(member_id, kind, begins_at, ends_at)
        _add(principal.agency_id, [shift])
        codes += [f"shift:{kind}", code_of("member", member_id)]
        _ask_to_look(principal, [staff[member_id]])


def import_shifts(principal: Principal, shifts: Sequence[Shift]) -> int:
    """Enter all of these shifts or none. Returns how many are new. Twice is safe. Raises as
    add_shift does."""
    with administered(principal, "rota.import", *EDITORS) as codes:
        lock_agency(principal.agency_id, "signin")
        whom = {one.member_id for one in shifts}
        staff = rows.require_staff(principal.agency_id, whom)
        new = _add(principal.agency_id, shifts)
        codes.append(f"shifts:{new}")
        _ask_to_look(principal, (staff[one] for one in sorted(whom)))
    return new


def remove_shift(principal: Principal, shift_id: UUID) -> None:
    """Remove a shift; the rotation counts again for its hours. Raises NotVisible, also if it was
    removed before; NotPermitted, Unavailable."""
    with administered(principal, "rota.remove_shift", *EDITORS) as codes:
        lock_agency(principal.agency_id, "signin")
        kept = m.Shift.objects.using("signin").select_related("member")
        found = kept.filter(id=shift_id, agency_id=principal.agency_id).first()
        if found is None:
            raise NotVisible
        found.delete(using="signin")
        codes += [f"shift:{found.kind}", code_of("member", found.member_id)]
        _ask_to_look(principal, [found.member])


def _add(agency_id: UUID, shifts: Iterable[Shift]) -> int:
    """Write those of the shifts that are not there yet. Returns how many."""
    now = database_now("signin")
    kept = m.Shift.objects.using("signin").filter(agency_id=agency_id)
    kept.filter(ends_at__lt=now - KEPT).delete()
    there = {Shift(one.member_id, one.kind, one.begins_at, one.ends_at) for one in kept}
    new = []
    for one in dict.fromkeys(shifts):
        check(one, now)
        if one not in there:
            new.append(m.Shift(agency_id=agency_id, **one._asdict()))
    if len(there) + len(new) > MOST_SHIFTS:
        raise NotPossible("too_many_shifts", "The list of shifts is full. Use a rotation.")
    m.Shift.objects.using("signin").bulk_create(new)
    return len(new)


def check(shift: Shift, now: datetime) -> None:
    """Raise BadRequest for a shift that no one can have."""
    if shift.kind not in SHIFT_KINDS:
        raise BadRequest("unknown_code", "Choose one.", "/kind")
    if not shift.begins_at < shift.ends_at:
        raise BadRequest("invalid", "The end must be after the beginning.", "/ends_at")
    if shift.ends_at <= now:
        raise BadRequest("invalid", "This time is over.", "/ends_at")
    if shift.ends_at - shift.begins_at > LONGEST:
        raise BadRequest("invalid", "A shift lasts three months at most.", "/ends_at")
    if shift.begins_at > now + FURTHEST:
        raise BadRequest("invalid", "Choose a day within two years.", "/begins_at")


# -- Swaps -----------------------------------------------------------------------------------------


def ask_swap(
    principal: Principal, of: UUID, kind: str, begins_at: datetime, ends_at: datetime
) -> None:
    """Ask a coworker to take the caller's own time. Nothing changes until they agree. Asking the
    same again changes nothing. Raises BadRequest, NotPermitted, NotPossible (it is not the
    caller's own), NotVisible, Unavailable."""
    with administered(principal, "rota.ask_swap", "worker", "lead") as codes:
        assert principal.member_id is not None  # a member in person
        lock_agency(principal.agency_id, "signin")
        staff = rows.require_staff(principal.agency_id, [of, principal.member_id])
        if of == principal.member_id:
            raise BadRequest("invalid", "Choose a coworker.", "/member_id")
        if kind not in SHIFT_KINDS[:2]:
            raise BadRequest("unknown_code", "Choose one.", "/kind")
        check(Shift(of, kind, begins_at, ends_at), database_now("signin"))
        _require_on(principal.agency_id, principal.member_id, kind, begins_at, ends_at)
        waiting = m.Swap.objects.using("signin").filter(
            asked_by_id=principal.member_id, state="asked"
        )
        wanted = {"asked_of_id": of, "kind": kind, "begins_at": begins_at, "ends_at": ends_at}
        if not waiting.filter(**wanted).exists():
            if waiting.filter(ends_at__gt=database_now("signin")).count() >= MOST_ASKED:
                raise NotPossible("too_many_swaps", "Many of your questions wait for an answer.")
            m.Swap.objects.using("signin").create(
                agency_id=principal.agency_id, asked_by_id=principal.member_id, **wanted
            )
            _ask_to_look(principal, [staff[of]])
        codes.append(code_of("member", of))


def answer_swap(principal: Principal, swap_id: UUID, *, agree: bool) -> None:
    """Take a coworker's time, or decline. Twice is safe. Raises NotVisible, NotPossible (it was
    answered otherwise, is over, or is no longer the coworker's), NotPermitted, Unavailable."""
    act = "rota.agree_swap" if agree else "rota.decline_swap"
    state = "agreed" if agree else "declined"
    with administered(principal, act, "worker", "lead") as codes:
        assert principal.member_id is not None  # a member in person
        lock_agency(principal.agency_id, "signin")
        swap = _swap(principal, swap_id, asked_of_id=principal.member_id)
        codes += [f"shift:{swap.kind}", code_of("member", swap.asked_by_id)]
        if swap.state == state:
            return
        if swap.state != "asked" or swap.ends_at <= database_now("signin"):
            raise NotPossible("swap_over", "This question was answered, taken back, or is over.")
        if agree:
            rows.require_staff(principal.agency_id, [principal.member_id])
            times = swap.kind, swap.begins_at, swap.ends_at
            _require_on(principal.agency_id, swap.asked_by_id, *times)
            _add(principal.agency_id, [Shift(principal.member_id, *times)])
        swap.state = state
        swap.save(using="signin", update_fields=["state"])
        _ask_to_look(principal, [swap.asked_by])


def take_back_swap(principal: Principal, swap_id: UUID) -> None:
    """End one's own question. Twice is safe. Raises NotVisible, NotPossible (it was answered),
    NotPermitted, Unavailable."""
    with administered(principal, "rota.take_back_swap", "worker", "lead") as codes:
        lock_agency(principal.agency_id, "signin")
        swap = _swap(principal, swap_id, asked_by_id=principal.member_id)
        codes.append(code_of("member", swap.asked_of_id))
        if swap.state not in ("asked", "taken_back"):
            raise NotPossible("swap_over", "This question was answered, taken back, or is over.")
        swap.state = "taken_back"
        swap.save(using="signin", update_fields=["state"])


def _swap(principal: Principal, swap_id: UUID, **whose: UUID | None) -> m.Swap:
    kept = m.Swap.objects.using("signin").select_related("asked_by").filter(**whose)
    found = kept.filter(id=swap_id, agency_id=principal.agency_id).first()
    if found is None:
        raise NotVisible
    return found


def _require_on(
    agency_id: UUID, member_id: UUID, kind: str, begins_at: datetime, ends_at: datetime
) -> None:
    """Raise NotPossible unless the member is on in this place for the whole time."""
    kept: Rota = rows.rota(agency_id, begins_at)
    able = rows.staff(agency_id).__contains__
    for span in plan(kept, begins_at, ends_at, able):
        on = who_is_on(kept, span.begins_at, able)
        if (on.first if kind == "first" else on.second) != member_id:
            raise NotPossible(
                "not_on_call", "The member who asks is not on call for all of this time."
            )


def _ask_to_look(principal: Principal, members: Iterable[Membership]) -> None:
    """Queue a message to each of them but the caller, by their own contacts, in the open
    transaction of `signin`."""
    for one in members:
        if one.id != principal.member_id:
            _tell(one)


def _tell(member: Membership) -> None:
    with connections["signin"].cursor() as cursor:
        cursor.execute("SELECT sec.queue_account_message(%s, %s)", [member.person_id, LOOK])
