"""Mutants that change nothing that anybody could see, and why. This list only shrinks: one that a
test catches after all, or that exists no more, fails the run."""

EQUIVALENT: dict[str, str] = {
    "release.recipient_reads USING without to_agency_id = ( SELECT sec.caseworker() AS"
    " caseworker)": "the referral, seen under the reader's own policies, is one of her agency's",
    "conflict_block.own_side USING without kind = 'leads_only'::text": "whom another agency's block"
    " of another kind bars, answers for nothing",
}
