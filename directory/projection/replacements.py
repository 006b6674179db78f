"""How a service is shown that is the same as another one, as the coordinator said
(directory/duplicates/answers.py).

Its rows stay as its source and its editors keep them: only what is rendered of it differs. So no
import brings it back, and an answer that is taken back leaves nothing behind.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from directory import models as m

HIDDEN_AS = "inactive"  # of the standard's words the one that no reader lists

Rows = Mapping[UUID, dict[str, Any]]


def overlay(services: Rows, organizations: Rows, using: str) -> None:
    """Let the rows of services that are the same as another one say so: `inactive`, and which one
    is listed (`replaced_by`).

    A service that an agency of the network answers is never hidden, nor a confidential one. Once
    the one that is listed has closed, the other is listed again. Once it is confidential, the other
    stays hidden and names none (R4): it would show what has just been hidden.
    """
    rows = m.Duplicate.objects.using(using).filter(hidden_id__in=services)
    pairs = rows.values_list("hidden_id", "shown_id")
    shown_by = {hidden: shown for hidden, shown in pairs if hidden and shown}
    if not shown_by:
        return
    columns = ("id", "status", "confidential", "organization__confidential")
    there = m.Service.objects.using(using).filter(id__in=shown_by.values()).values(*columns)
    listed = {row["id"]: row for row in there}
    for hidden_id, shown_id in shown_by.items():
        row, other = services[hidden_id], listed.get(shown_id)
        organization = organizations[row["organization_id"]]
        if other is None or row["answered_by_id"]:
            continue
        if (
            row["confidential"]
            or organization["confidential"]
            or row["status"] not in m.OPEN_STATUSES
        ):
            continue
        secret = other["confidential"] or other["organization__confidential"]
        if secret or other["status"] in m.OPEN_STATUSES:
            row["status"] = HIDDEN_AS
            row["replaced_by"] = None if secret else other["id"]
