-- A side's row belongs to its own agency.

ALTER TABLE referral_side ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_side FORCE ROW LEVEL SECURITY;

-- All columns except `has_block`, `asked_at` and `before_accept`: they are never served, and the
-- database alone keeps them.
DO $$
BEGIN
    EXECUTE (SELECT format('GRANT SELECT (%1$s), INSERT (%1$s) ON referral_side TO app',
                           string_agg(quote_ident(attname), ', '))
               FROM pg_attribute WHERE attrelid = 'public.referral_side'::regclass AND attnum > 0
                AND NOT attisdropped AND attname NOT IN ('has_block', 'asked_at', 'before_accept'));
END $$;
GRANT UPDATE (state, handoff_by, escalated_at, called_at, remind_at, version) ON referral_side
      TO app;
GRANT SELECT (id, subject, state, handoff_by, escalated_at, hold_until, remind_at, version,
      agency_id, referral_id), UPDATE (state, handoff_by, escalated_at, version), DELETE
      ON referral_side TO jobs;
GRANT SELECT, UPDATE (holder_id, asked_at, hold_until, version, has_block, before_accept, state,
      handoff_by, escalated_at) ON referral_side TO definer;

-- Each WITH CHECK reads the parent under the writer's own policies. Without that, a child row of a
-- parent that its writer cannot see would be accepted. No one may write in a colleague's name.
CREATE POLICY own_side ON referral_side FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker_agency_id())
        AND (NOT has_block OR sec.is_not_blocked(referral_id)));
CREATE POLICY own_side_begins ON referral_side FOR INSERT TO app WITH CHECK (
    -- named by sec.claim_referral, sec.transfer_referral
    agency_id = (SELECT sec.writer_agency_id()) AND holder_id IS NULL
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND agency_id IN (r.from_agency_id, r.to_agency_id)));
CREATE POLICY own_side_changes ON referral_side FOR UPDATE TO app
    USING (agency_id = (SELECT sec.caseworker_agency_id())
           AND (NOT has_block OR sec.is_not_blocked(referral_id)))
    WITH CHECK (agency_id = (SELECT sec.writer_agency_id()));
-- The clock may end a recipient's side as `unable` (act 23) and in no other way.
CREATE POLICY jobs_end ON referral_side FOR UPDATE TO jobs
    USING (true) WITH CHECK (state IS NOT DISTINCT FROM 'unable');
CREATE POLICY jobs_flag ON referral_side FOR UPDATE TO jobs
    USING (true) WITH CHECK (state IN ('accepted', 'in_handoff') AND escalated_at IS NOT NULL);
CREATE POLICY jobs_see ON referral_side FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON referral_side FOR DELETE TO jobs USING (true);
CREATE POLICY definer_reads ON referral_side FOR SELECT TO definer USING (true);
CREATE POLICY definer_names_holder ON referral_side FOR UPDATE TO definer
    USING (true) WITH CHECK (true);

CREATE TRIGGER flag_side BEFORE INSERT ON referral_side
    FOR EACH ROW EXECUTE FUNCTION sec.flag_blocked_side();
CREATE TRIGGER an_end_stays BEFORE UPDATE OF state ON referral_side FOR EACH ROW
    WHEN (OLD.state IN ('completed', 'unable', 'stopped') AND NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION sec.refuse_end_change();
