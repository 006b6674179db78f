"""The one representation of the caller of a request. It is immutable."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

# The scopes that may be combined with audit:read: a witness sets where checkpoints are sent.
AUDITOR_SCOPES = ["audit:read", "webhooks:write"]


def are_compatible(scopes: Sequence[str]) -> bool:
    """Whether one client, and one token, may have these scopes: a client that reviews the log does
    nothing else."""
    return "audit:read" not in scopes or set(scopes) <= set(AUDITOR_SCOPES)


@dataclass(frozen=True, slots=True)
class Principal:
    """A live credential, resolved by the database once per request.

    A member acts for one agency at a time. A client acts for its agency. Where the act concerns a
    person, the client names the acting member of staff (header `Acting-Member`): then `member_id`
    is set as well as `client_id`, and that member's roles count.
    """

    agency_id: UUID
    member_id: UUID | None
    person_id: UUID | None
    client_id: UUID | None
    roles: frozenset[str]
    scopes: frozenset[str]
    agency_kind: str
    duties: frozenset[str]
    system_of_record: bool
    token_hash: str = field(repr=False)  # hex SHA-256 of the credential's secret
    acting: str = ""  # the member that a client named, as sent to the database; '' for people
    networks: tuple[str, ...] = ()  # the networks that a client may call from; empty: any
    # In an exercise: which one, and the agency whose people practice. Else None: live.
    exercise_id: UUID | None = None
    practice_of: UUID | None = None

    @property
    def is_client(self) -> bool:
        return self.client_id is not None

    @property
    def caller_id(self) -> UUID:
        """The client that sent the request, else the member."""
        caller = self.client_id or self.member_id
        assert caller is not None  # a credential belongs to one of the two
        return caller

    @property
    def practices(self) -> bool:
        """Whether the caller is in an exercise: all they see and do is practice."""
        return self.exercise_id is not None

    @property
    def staff_id(self) -> UUID:
        """The acting member. Use it only after the policy check, which refuses a caller without
        one (R15)."""
        assert self.member_id is not None
        return self.member_id

    def has_role(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    def may(self, scope: str) -> bool:
        """True for people (their roles decide); for a client, whether it holds `scope`."""
        return self.client_id is None or scope in self.scopes

    @property
    def in_network(self) -> bool:
        """Whether the caller may see confidential directory entries (T1): members except auditors,
        and clients with `directory:read`."""
        return self.may("directory:read") and not self.has_role("auditor")

    def __str__(self) -> str:
        return f"{self.agency_id}/{self.member_id or '-'}/{self.client_id or '-'}"


def key_owner(owner: UUID) -> Principal:
    """The server itself, as the owner of a key that belongs to no agency. It has no rights: the key
    store asks a principal for its agency, and nothing else."""
    return Principal(
        agency_id=owner,
        member_id=None,
        person_id=None,
        client_id=None,
        roles=frozenset(),
        scopes=frozenset(),
        agency_kind="",
        duties=frozenset(),
        system_of_record=False,
        token_hash="",
    )
