"""What a side records of a referral for itself (T4): the number in its own system, the next
services, and that two referrals are of one person. The other side is shown none of it."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from django.db import connection

from directory import listings, vocabulary
from directory.search.query import SearchQuery
from permissions.errors import BadRequest, NotPossible, NotVisible
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import idempotency, sealed_notes
from referrals.act_registry.fields import Body, Id, Ids, Text
from referrals.act_registry.invented import require_invented
from referrals.act_registry.registry import Answer, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT, WAITING, being_reached
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.acts import conflict_blocks
from referrals.models import Plan, Referral
from referrals.own_numbers import record_numbers
from referrals.packets import notes
from referrals.queries.details import Detail
from referrals.queries.seen import find
from referrals.visible_status import side_of

MOST_PLANNED = 10


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE),
    Move(ANY, ANY - DRAFT),
    repeat=Repeat.KEYED,
    summary="Keep your own system's number for it.",
    description="Seals the number that the referral has in your own system. The newest one counts;"
    " older ones stay among your agency's notes. Those of your agency who work on the referral are"
    " shown it as `external_ref`, and find the referral by it. A number that another referral of"
    " the acting member has is refused (`external_ref_taken`). The other agency is shown nothing of"
    " it.",
    body=Body(
        [
            Text(
                "ref",
                record_numbers.MAX_CHARS,
                question="The case number in your own system",
                help="Its number in your own system. Sealed.",
            )
        ]
    ),
    answer=Answer.RECORD,
    history="Case number saved",
    page=Page(
        offer="Your case number",
        title="Your case number",
        says="It is sealed with your notes. The other agency does not see this.",
        button="Save number",
        done="The number is saved with your notes.",
        refused={"external_ref_taken": "ref"},
        group=Group.RECORDS,
    ),
)
def set_external_ref(
    principal: Principal, referral_id: UUID, ref: str, *, key: idempotency.Key | None = None
) -> UUID:
    """Record the number in the agency's own system, sealed: 1 to 100 characters. The newest counts.
    Returns the record's id.

    With an Idempotency-Key twice is safe. Raises BadRequest, NotPossible (another referral that the
    member works on has it).
    """
    ref = checked_external_ref(principal, ref)

    def store(current: ActTransaction) -> None:
        record_numbers.store(principal, referral_id, ref)
        current.change_own()

    content = {"ref": ref}
    return _keep(principal, "set_external_ref", "external_ref", referral_id, content, key, store)


def checked_external_ref(principal: Principal, ref: str) -> str:
    """Return the number as it is stored. Raises BadRequest."""
    ref = record_numbers.normalized(ref, "/ref")
    require_invented(principal, "ref", ref)
    return ref


@act(
    Rule(None, Who.ASSIGNEE),
    Move(None, ANY - DRAFT),
    repeat=Repeat.KEYED,
    summary="Note that another referral is about the same person.",
    description="Seals the note with your agency's notes; no other agency is shown it. You need to"
    " have opened both packets before.",
    body=Body(
        [Id("referral_id", help="Another referral to your agency.", argument="other")],
        name="SamePersonIn",
    ),
    answer=Answer.RECORD,
    history="Duplicate referral linked",
    page=Page(
        offer="Link a duplicate referral",
        title="Link a duplicate referral",
        says="Use this if another referral to your agency is about the same person. Open both"
        " packets first. It is sealed with your notes, and no other agency sees it.",
        button="Link",
        done="The link is saved with your notes.",
        useful=being_reached,
        brief="Another referral is about the same person. Only your agency sees this.",
        group=Group.RECORDS,
    ),
)
def same_person_as(
    principal: Principal, referral_id: UUID, other: UUID, *, key: idempotency.Key | None = None
) -> UUID:
    """Record that another referral to the own agency is of the same person, sealed for its own
    assigned members. The caller must have opened both notes. Returns the record's id.

    A referral that the caller may not see is answered like one that they have not opened (R3).
    Raises NotPossible.
    """
    if other == referral_id:
        raise BadRequest("invalid", "Name another referral.", "/referral_id")

    def check(current: ActTransaction) -> None:
        seen = Referral.objects.visible_to(principal, other)
        theirs = seen.filter(to_agency_id=principal.agency_id).exists()
        if not (_opened(referral_id) and _opened(other) and theirs):
            raise NotPossible("open_both_first", "Open both packets first, then link them.")

    content = {"referral_id": str(other)}
    kind = notes.SAME_PERSON
    return _keep(principal, "same_person_as", kind, referral_id, content, key, check)


def _opened(referral_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.has_opened_packet(%s)", [referral_id])
        row = cursor.fetchone()
    return bool(row and row[0])


def _keep(
    principal: Principal,
    act: str,
    kind: str,
    referral_id: UUID,
    content: Mapping[str, str | None],
    key: idempotency.Key | None,
    first: Callable[[ActTransaction], None] = lambda current: None,
) -> UUID:
    with act_transaction(principal, act, referral_id) as current:
        kept = idempotency.begin(principal, key)
        if kept is None:
            first(current)
            kept = sealed_notes.seal_note(current, kind, content)
            current.event(other_side_sees=False)
            idempotency.finish(principal, key, kept, current.now, referral_id=referral_id)
    return kept


# -- The plan --------------------------------------------------------------------------------------


@act(
    Rule(Who.ASSIGNEE, None),
    Move(ANY, None),
    repeat=Repeat.SAFE,
    summary="Plan which services to turn to next.",
    description="Replaces your agency's list of next services, in order. An empty list clears it."
    " None of the services learns of it.",
    body=Body(
        [
            Ids(
                "services",
                MOST_PLANNED,
                help="The next services, in order. None of them learns of it.",
            )
        ]
    ),
    history="Next services planned",
    page=Page(
        offer="Plan backup services",
        title="Plan backup services",
        says="If they cannot help, the next service is one tap away. None of them learns of the"
        " others. Ask the survivor first.",
        button="Save plan",
        done="The plan is saved. Only your agency sees it.",
        useful=lambda seen: seen.status in DRAFT | WAITING | {"cannot_take", "expired"},
        brief="Where the survivor can turn next. Only your agency sees the plan.",
        group=Group.RECORDS,
    ),
)
def set_plan(
    principal: Principal,
    referral_id: UUID,
    services: Sequence[UUID],
    *,
    if_match: str | None = None,
) -> Detail:
    """Set the sender's next services, in order, replacing those planned before. Twice is safe.

    The services in the list are not notified. Raises BadRequest (too many, or one given twice) and
    NotPossible (unknown).
    """
    if len(services) > MOST_PLANNED or len(set(services)) != len(services):
        raise BadRequest(
            "invalid", f"Name at most {MOST_PLANNED} services, each once.", "/services"
        )
    wanted = list(services)

    def already(current: ActTransaction) -> bool:
        return planned_services(principal, referral_id) == wanted

    with act_transaction(principal, "set_plan", referral_id, if_match, already) as current:
        if not current.repeated:
            for service in wanted:
                if listings.find(principal, service) is None:
                    raise NotPossible(
                        "service_unknown", "One of the services is not in the directory."
                    )
            save_plan(current, wanted)
            current.change_own()
            current.event(other_side_sees=False)
    return current.answer()


def planned_services(principal: Principal, referral_id: UUID) -> list[UUID] | None:
    """Return the services left in the plan, for a member who works on it. None: no plan."""
    mine = Plan.objects.filter(referral_id=referral_id, agency_id=principal.agency_id)
    return mine.values_list("services", flat=True).first()


def save_plan(
    current: ActTransaction, services: list[UUID], *, replaces: UUID | None = None
) -> None:
    """Write the plan of the current referral."""
    mine = Plan.objects.filter(
        referral_id=current.referral.id, agency_id=current.principal.agency_id
    )
    if not mine.update(services=services):
        Plan.objects.create(
            referral_id=current.referral.id,
            agency_id=current.principal.agency_id,
            services=services,
            replaces_id=replaces,
        )


def continue_plan(current: ActTransaction, before: UUID) -> None:
    """Let the current draft replace the referral `before`: it takes over the rest of its plan and
    the own side's blocks.

    The caller must work on both. Raises NotPossible. A referral that the caller does not work on,
    or that their agency did not send, is answered like one that does not exist.
    """
    principal = current.principal
    unknown = NotPossible("replaces_unknown", "Your agency has no such referral that you work on.")
    try:
        seen = find(principal, before)
    except NotVisible:
        raise unknown from None
    if side_of(principal, seen.referral) != "from" or not seen.assigned:
        raise unknown
    left = [
        one
        for one in planned_services(principal, before) or []
        if one != current.referral.service_id
    ]
    save_plan(current, left, replaces=before)
    conflict_blocks.copy_blocks(current, seen.referral)


MOST_NEXT = 5


def next_services(principal: Principal, seen: Detail) -> list[listings.Listing]:
    """Return where to turn next: the planned services, the suggested one, then services that answer
    one of the needs; open ones, at most five. For the sender, within a transaction of the
    caller."""
    referral = seen.referral
    wanted = [*seen.plan, *([referral.suggested_service_id] if seen.side == "from" else [])]
    known = [listings.find(principal, one) for one in wanted if one is not None]
    found = {one.id: one for one in known if one is not None}
    # The taxonomy's codes are not the notice's. The vocabulary maps each need to its codes.
    answering = [key for need in referral.needs for key in sorted(vocabulary.codes_for_need(need))]
    for key in answering:
        if len(found) >= MOST_NEXT:
            break
        term = vocabulary.term_id(*key)
        page = listings.search(principal, SearchQuery(needs=(term,)), per_page=MOST_NEXT)
        found |= {one.id: one for one in page.items if one.id not in found}
    ours = (referral.from_agency_id,)
    return [
        one
        for one in found.values()
        if one.id != referral.service_id and one.answered_by not in ours
    ][:MOST_NEXT]
