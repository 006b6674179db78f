"""Mutants that change nothing that anybody could see, and why. This list only shrinks: one that a
test catches after all, or that exists no more, fails the run."""

_SOURCES = (
    *("accessibility", "address", "attribute", "contact", "costoption", "funding"),
    *("holidayschedule", "language", "location", "metadata", "organizationidentifier", "phone"),
    *("program", "requireddocument", "schedule", "service", "servicearea", "serviceatlocation"),
    *("servicecapacity", "url"),
)
_STAYS = (
    "no column may be changed that says whose the row is: USING has asked it, and the check says it"
    " again for the day that one may"
)
EQUIVALENT: dict[str, str] = {
    "release.recipient_reads USING without to_agency_id = ( SELECT sec.caseworker_agency_id() AS"
    " caseworker_agency_id)": "the referral, seen under the reader's own policies, is one of their"
    " agency's",
    "conflict_block.own_side USING without kind = 'leads_only'::text": "whom another agency's block"
    " of another kind bars, answers for nothing",
    "log_opt_in.administrator_takes_back WITH CHECK without agency_id = ( SELECT"
    " sec.administrator_agency_id() AS administrator_agency_id)": _STAYS,
    "directory_organization.own_changes WITH CHECK without everything": _STAYS,
    **{
        f"directory_{table}.own_changes WITH CHECK without sec.is_editor_of(part_of_id)": _STAYS
        for table in _SOURCES
    },
    "referral.jobs_expire USING without everything": "policies add up, and jobs_hide takes any row:"
    " what is written decides, and the trigger only_waiting_expires",
    **{
        f"directory_network_{table}.editor_keeps WITH CHECK without everything": "nobody but an"
        " editor gets past the trigger, which asks which entry it is as well"
        for table in ("listing", "place", "organization")
    },
    **{
        f"sec.{name}: true for {alias}.agency_id = me.agency_id": "a membership is of one agency,"
        " and so is what it is assigned to"
        for name, alias in (
            ("is_assigned", "s"),
            ("current_opening", "s"),
            ("own_side_context", "a"),
        )
    },
    "sec.blocked_attempt_alerts: true for e.decision = 'refused'": "only a refusal has such a rule",
    "sec.blocked_attempts: true for e.decision = 'refused'": "only a refusal has such a rule",
    **{
        f"sec.refresh_credentials: true for {of} = NEW.id": "more are asked, and find what they"
        " had found"
        for of in ("agency_id", "client_id", "membership_id", "person_id")
    },
    **{
        f"sec.apply_block: true for {alias}.has_block <> flag": "the row is written as it was"
        for alias in ("f", "s")
    },
    "sec.apply_block: true for NEW.kind = 'member'": "a block of another kind names no member",
    "sec.apply_block: true for s.agency_id = NEW.agency_id": "the holder of a side is of its"
    " agency",
    **{
        f"sec.narrow_release: true for g.{of}{again}": "the grant of a release is of its referral,"
        " and of whom it releases to; the conditions say so for the index"
        for of in ("referral_id = about.referral_id", "agency_id = about.to_agency_id")
        for again in ("", " (2)")
    },
    "sec.narrow_release: false for NOT FOUND": "no one answers for what was not found",
    "sec.store_returned: false for NOT FOUND": "no one is assigned to what was not found",
    **{
        f"sec.current_opening: true for e.at {bound}": "it only says which months are looked into:"
        " the transaction decides"
        for bound in (">= transaction_timestamp() + sec.shift()", "<= now")
    },
    "sec.current_opening: false for NOT FOUND": "of no entry there is no referral",
    "sec.current_opening: false for f.agreement IS DISTINCT FROM 'cannot_say'": "sec.has_agreed"
    " asks it, too",
    "sec.current_opening: true for g.agency_id = me.agency_id": "the sender's own is of no release",
    "sec.current_opening: true for NOT granted @> entry.fields": "all of the entry's are granted:"
    " the same",
    "sec.current_opening: false for me.member_id IS NULL": "who is no member has no roles",
    "sec.set_holder: true for before <> member": "the member who is taken off is assigned"
    " again by the caller",
    "sec.set_holder: true for s.agency_id = agency (2)": "a membership is of one agency",
    "sec.caller_relation: true for f.from_agency_id = me.agency_id": "what was not sent, its"
    " sender alone sees",
    "sec.refresh_postcodes: true for p.derived": "sec.derive_postcodes leaves what was imported as"
    " it is",
    "sec.refresh_postcodes: true for codes <> '{}'": "of no postcode none is derived, by a search"
    " of all",
    "referrals.packets.packet.f'{table}:{row}:{field}' without field": "a field is a row of its"
    " own, and its key says which field it opens",
    "referrals.acts.return_releases: what is given back, not bound to its row": "its key is of its"
    " own, and is bound to the referral, which has one such row",
    **{
        f"directory.editing.confidential_addresses.open_address: {one}": "the database shows them"
        " no row either, and where there is none the answer and the log are the same"
        for one in (
            "never principal.is_client or not principal.has_role(*READERS)",
            "principal.is_client or not principal.has_role(*READERS) without not"
            " principal.has_role(*READERS)",
            "principal.is_client or not principal.has_role(*READERS) without principal.is_client",
        )
    },
    **{
        f"sec.hide_linked_place: true for {one}": "more rows are locked, which no caller sees"
        for one in (
            "o.id = (SELECT s.organization_id FROM public.directory_service s"
            " WHERE s.id = NEW.service_id)",
            "s.id = NEW.service_id (2)",
        )
    },
    "sec.writer_agency_id: true for me.member_id IS NOT NULL": "without a member, no roles",
    "sec.identity: false for NOT FOUND": "who was not found is NULL, and no client",
    "sec.log_counts: false for mine IS NULL": "who audits no agency oversees none, and would find"
    " nothing, after a walk through the log",
}
