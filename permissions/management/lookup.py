"""Finds the row that an operator names by its id or by a unique name."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.core.management.base import CommandError
from django.db.models import Model, Q, QuerySet

from permissions.database.aliases import JOBS
from permissions.models import Agency, Client, Membership

Row = TypeVar("Row", bound=Model)
MOST_NAMED = 20  # agencies that one command is recorded for


class Named(NamedTuple):
    """An agency, and the member or partner system of it that an operator's words name."""

    agency_id: UUID | None
    member_id: UUID | None = None
    client_id: UUID | None = None


def one_of(rows: "QuerySet[Row, Row]", asked: str, what: str) -> Row:
    """The only row with this id or name. Raises CommandError if there is none or several."""
    try:
        found = rows.filter(id=UUID(asked))
    except ValueError:
        found = rows.filter(name=asked)
    if len(found) > 1:
        raise CommandError(f"More than one {what} is named {asked!r}. Give its id instead.")
    if not found:
        raise CommandError(f"No {what} has the id or the exact name {asked!r}.")
    return found[0]


def find_agency(asked: str) -> Agency:
    """The agency with this id or name. Raises CommandError, which says where to look it up."""
    try:
        return one_of(Agency.objects.using(JOBS).filter(exercise=None), asked, "agency")
    except CommandError as error:
        raise CommandError(f"{error} `manage.py agency show` lists all agencies.") from None


def agencies_named(words: Sequence[str]) -> list[Named]:
    """Everyone whom the words of a command name: agencies by id or exact name, people by user
    name, partner systems by client id. One without agency if they name none."""
    texts = [text for word in words for text in {word, word.partition("=")[2]} if text]
    ids = []
    for text in texts:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    people = Q(person__username__in=texts) | Q(id__in=ids)
    members = Membership.objects.using("signin").filter(people).values_list("agency_id", "id")
    systems = Client.objects.filter(client_id__in=texts).values_list("agency_id", "id")
    found = [Named(agency, member_id=one) for agency, one in members]
    found += [Named(agency, client_id=one) for agency, one in systems]
    known = {one.agency_id for one in found}
    agencies = Agency.objects.using(JOBS).filter(Q(id__in=ids) | Q(name__in=texts))
    found += [Named(one.id) for one in agencies if one.id not in known]
    return found[:MOST_NAMED] or [Named(None)]
