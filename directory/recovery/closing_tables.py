"""The tables of the directory whose changes take access or reach away
(permissions/recovery/closing_columns.py): who edits an entry, and what became confidential.

A place that became confidential since the backup is public in the restored rows. Its whereabouts
are removed again before its flag is set, and every projection that shows it is made again.
"""

from django.db import transaction

from directory.projection.reindex import hide_leftovers
from permissions.database.aliases import OWNER
from permissions.recovery import applying
from permissions.recovery.closing_columns import Closes, register

_HIDES = ("directory_organization", "directory_service", "directory_location")
_PUBLIC = (
    *("accessibility", "address", "attribute", "change", "contact", "costoption", "edit"),
    *("funding", "holidayschedule", "language", "listing", "metadata", "metatabledescription"),
    *("milestone", "network_listing", "network_organization", "network_place"),
    *("organization_listing", "organizationidentifier", "phone", "place", "postcode", "program"),
    *("proposal", "quarantine", "requireddocument", "schedule", "servicearea"),
    *("serviceatlocation", "servicecapacity", "source", "taxonomy", "taxonomyterm", "total"),
    *("unit", "unmet_search", "url", "word"),
)


def register_own() -> None:
    """Once, when the process starts."""
    register(
        Closes("directory_editing", gone=True),
        *(Closes(table, {"confidential": "on"}, agencies=()) for table in _HIDES),
        without={f"directory_{name}": "what is public, and counts" for name in _PUBLIC}
        | {
            "directory_confidential_address": "sealed for one agency's members; who may is there",
            "directory_earlier_text": "sealed for the editors of one agency, and it ends",
            "directory_duplicate": "pairs of public entries; an answer gives no access",
            "directory_duplicate_scan": "how far the change feed was read",
            "directory_mistake_report": "for those who edit the entry; who does is there",
            "directory_verification": "links that change nothing by themselves, for 30 days",
            "directory_mail_opt_out": "what is lost is one mail a year, which offers it again",
            "directory_term_meaning": "words of public entries; an answer gives no access",
            "directory_training": "what was taught to how many; it gives no access",
        },
    )
    applying.also_apply(hide)
    applying.open_also("directory_address")


def hide(unit: applying.Unit) -> None:
    """A hook of `applying.apply`: remove the whereabouts of what became confidential, and show it
    nowhere once that is committed."""
    hidden = [
        (one.kind, one.data["row"])
        for table in _HIDES
        for one in unit.of(table)
        if "confidential" in one.data.get("columns", ())
    ]
    for table, row in hidden:
        if table == "directory_location":
            unit.cursor.execute("DELETE FROM directory_address WHERE location_id::text = %s", [row])
            unit.cursor.execute(
                "UPDATE directory_location SET latitude = NULL, longitude = NULL,"
                " transportation = '', external_identifier = '', url = '' WHERE id::text = %s",
                [row],
            )
    if hidden:
        transaction.on_commit(hide_leftovers, using=OWNER)
