"""The pages of an agency's own entries of the directory, and of the directory's upkeep."""

from django.urls import path

from api.desk.directory import (
    entry_edit,
    entry_pause,
    mistake_reports,
    own_entries,
    proposals,
)
from api.desk.directory.making import confidential_address, new_entry, places
from api.desk.directory.upkeep import duplicates, entry_checks, term_meanings
from api.desk.directory.versions import confidential_entry, history_step

ENTRY = "desk/entries/<uuid:service_id>"
HIDDEN = f"{ENTRY}/confidential/<uuid:entry_id>"
PLACE = "desk/places/<uuid:location_id>/address"

urlpatterns = [
    path("desk/entries", own_entries.own, name="desk_entries"),
    path("desk/entry-mistakes", mistake_reports.waiting, name="desk_entry_mistakes"),
    path(
        "desk/entry-mistakes/<uuid:report_id>/done",
        mistake_reports.done,
        name="desk_entry_mistake_done",
    ),
    path(
        "desk/entry-checks/<uuid:check_id>/done",
        entry_checks.off_the_list,
        name="desk_entry_check_done",
    ),
    path("desk/terms", term_meanings.waiting, name="desk_terms_of_sources"),
    path("desk/terms/<uuid:term_id>", term_meanings.choose, name="desk_term"),
    *(
        path(
            f"desk/terms/<uuid:term_id>/{what}",
            term_meanings.answer,
            {"what": what},
            name=f"desk_term_{what}",
        )
        for what in term_meanings.SAID
    ),
    path("desk/duplicates", duplicates.waiting, name="desk_duplicates"),
    *(
        path(
            f"desk/duplicates/<uuid:pair_id>/{what}",
            duplicates.answer,
            {"what": what},
            name=f"desk_duplicate_{what}",
        )
        for what in duplicates.SAID
    ),
    path("desk/proposals", proposals.waiting, name="desk_proposals"),
    *(
        path(
            f"desk/proposals/<uuid:proposal_id>/{what}",
            proposals.decide,
            {"what": what},
            name=f"desk_{what}_proposal",
        )
        for what in proposals.SAID
    ),
    path("desk/entries/new", new_entry.new, name="desk_new_entry"),
    path(ENTRY, own_entries.one, name="desk_entry"),
    path(f"{ENTRY}/edit", entry_edit.edit, name="desk_edit_entry"),
    path(f"{ENTRY}/pause", entry_pause.pause, name="desk_pause_entry"),
    path(f"{ENTRY}/capacity", own_entries.capacity, name="desk_entry_capacity"),
    path(f"{ENTRY}/checked", own_entries.checked, name="desk_entry_checked"),
    path(f"{ENTRY}/history", own_entries.history, name="desk_entry_history"),
    path(f"{ENTRY}/places", places.choose, name="desk_entry_places"),
    path(f"{ENTRY}/places/new", places.new_place, name="desk_new_place"),
    path(f"{ENTRY}/places/<uuid:location_id>", places.change_place, name="desk_change_place"),
    path(f"{ENTRY}/history/erase", history_step.erase, name="desk_erase_history"),
    path(f"{ENTRY}/history/<uuid:edit_id>", history_step.step, name="desk_entry_step"),
    path(f"{ENTRY}/confidential", confidential_entry.choose, name="desk_confidential"),
    path(HIDDEN, confidential_entry.change, name="desk_change_confidential"),
    path(f"{HIDDEN}/undo", confidential_entry.undo_hiding, name="desk_undo_confidential"),
    path(f"{HIDDEN}/erase", confidential_entry.erase_copy, name="desk_erase_undo"),
    path(PLACE, confidential_address.look, name="desk_secret_place"),
    path(f"{PLACE}/put", confidential_address.put, name="desk_put_secret_place"),
]
