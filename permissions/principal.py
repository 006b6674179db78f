"""The only "who" in the code: whoever acts in a request, frozen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

# What may stand beside the scope audit:read: a witness says where checkpoints are sent to.
AUDITOR_SCOPES = ["audit:read", "webhooks:write"]


def are_compatible(scopes: Sequence[str]) -> bool:
    """Whether one client, and one token, may have these: what reviews does nothing beside."""
    return "audit:read" not in scopes or set(scopes) <= set(AUDITOR_SCOPES)


@dataclass(frozen=True, slots=True)
class Principal:
    """A live credential, resolved by the database once a request.

    A member acts for one agency at a time. A client acts for its agency, and where the act concerns
    a person it names the acting member of staff (header `Acting-Member`), who then stands in
    `member_id` beside `client_id` and whose roles count.
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
    acting: str = ""  # the member a client named, as sent into the database; '' for people
    networks: tuple[str, ...] = ()  # from where a client may come; none: from anywhere

    @property
    def is_client(self) -> bool:
        return self.client_id is not None

    @property
    def caller_id(self) -> UUID:
        """The client, else the member: whose request it is."""
        caller = self.client_id or self.member_id
        assert caller is not None  # a credential belongs to one of the two
        return caller

    @property
    def staff_id(self) -> UUID:
        """The member who acts. Only after the policy, which refuses whoever names none (R15)."""
        assert self.member_id is not None
        return self.member_id

    def has_role(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    def may(self, scope: str) -> bool:
        """True for people (their roles decide); for a client, whether it holds `scope`."""
        return self.client_id is None or scope in self.scopes

    @property
    def in_network(self) -> bool:
        """Whether confidential entries of the directory are known to her (T1): to members, but to
        no auditor, and to clients with `directory:read`."""
        return self.may("directory:read") and not self.has_role("auditor")

    def __str__(self) -> str:
        return f"{self.agency_id}/{self.member_id or '-'}/{self.client_id or '-'}"
