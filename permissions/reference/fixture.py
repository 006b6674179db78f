"""The small world behind the page "who sees what": sender, recipient, two other agencies and one
referral, before and after the accept, and after the release has ended. It is always the same.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from permissions.reference import rows as r
from permissions.reference import world as w

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(days=6), NOW - timedelta(days=1)


def id_of(name: str) -> UUID:
    """A fixed id for each name."""
    return uuid5(UUID("c0ffee00-ca12-4a11-8a11-00000000ab1e"), name)


SENDER, RECIPIENT, OTHER, NETWORK = map(id_of, ("sender", "recipient", "other", "network"))
REFERRAL, RELEASE = id_of("referral"), id_of("release")
HOOK = r.Webhook(id_of("hook"), RECIPIENT, "events")
ROLES = {
    "assigned": ["worker"],
    "colleague": ["worker"],
    "lead": ["lead"],
    "administrator": ["agency_admin"],
    "editor": ["directory_editor"],
    "auditor": ["auditor"],
    "barred": ["worker"],
    "coordinator": ["coordinator"],
}
AGENCIES = {"sender": SENDER, "recipient": RECIPIENT, "other": OTHER, "network": NETWORK}
MEMBERS = {
    f"{agency} {role}": r.Membership(
        id_of(f"{agency} {role}"), id_, id_of(f"person {agency} {role}"), roles, True
    )
    for agency, id_ in AGENCIES.items()
    for role, roles in ROLES.items()
}
SCOPES = ["referrals:read", "referrals:write", "packets:read", "directory:read"]
CLIENTS = {  # the agency, and whether the client is a system of record
    "sender's records": (SENDER, True),
    "recipient's records": (RECIPIENT, True),
    "recipient's other system": (RECIPIENT, False),
}


def world(
    *, accepted: bool = True, ended: bool = False, barring: bool = False, opted_in: bool = False
) -> w.World:
    """A world with one referral that was sent with a packet. `accepted`: by the recipient; `ended`:
    the release has ended; `barring`: with blocks; `opted_in`: the recipient lets an oversight
    agency read its part of the log."""
    credentials = [
        w.Credential(name, one.agency_id, one.id, None, one.roles, [], LATER, None)
        for name, one in MEMBERS.items()
    ] + [
        w.Credential(name, agency, None, id_of(name), [], SCOPES, LATER, None)
        for name, (agency, _) in CLIENTS.items()
    ]
    assigned = ("sender assigned", "sender barred", "recipient assigned", "recipient barred")
    taken = NOW if accepted else None
    return w.World(
        agencies={
            id_: w.Agency(id_, True, "oversight" if id_ == NETWORK else "social_service")
            for id_ in AGENCIES.values()
        },
        people={one.person_id: w.Person(one.person_id, True) for one in MEMBERS.values()},
        members={one.id: one for one in MEMBERS.values()},
        clients={
            id_of(name): w.Client(id_of(name), True, of_record)
            for name, (_, of_record) in CLIENTS.items()
        },
        credentials={one.hash: one for one in credentials},
        referrals={REFERRAL: referral(taken)},
        sides=[],
        assignments=[
            r.Assignment(id_of(f"work {name}"), REFERRAL, MEMBERS[name].id, MEMBERS[name].agency_id)
            for name in assigned
        ],
        blocks=[
            r.Block(
                id_of(f"block {side}"), REFERRAL, AGENCIES[side], "member", AGENCIES[side],
                MEMBERS[f"{side} barred"].id, None,
            )
            for side in (("sender", "recipient") if barring else ())
        ],
        releases={RELEASE: release(ended)},
        grants=[
            r.Grant(
                id_of("grant"), REFERRAL, RECIPIENT, RELEASE, ["name", "phone"], taken, LATER,
                ended, None if ended else "wrapped",
            )
        ],
        webhooks={HOOK.id: HOOK},
        opt_ins=[
            r.OptIn(
                id_of("opt-in"), RECIPIENT, NETWORK, MEMBERS["recipient administrator"].id, LATER,
                None,
            )
            for _ in range(opted_in)
        ],
    )  # fmt: skip


def referral(accepted_at: datetime | None) -> r.Referral:
    """The one referral: accepted at that time, or (None) only sent."""
    status = "accepted" if accepted_at else "sent"
    return r.Referral(
        REFERRAL, SENDER, RECIPIENT, status, BEFORE, accepted_at, None, "agrees", False, False
    )


def release(ended: bool = False) -> r.Release:
    """The survivor's one release to the recipient: in force, or ended."""
    return r.Release(RELEASE, REFERRAL, SENDER, RECIPIENT, "outbound", ended, LATER, BEFORE)


WAITING, TAKEN, ENDED = world(accepted=False), world(), world(ended=True)
BARRING, OPTED_IN = world(barring=True), world(opted_in=True)
