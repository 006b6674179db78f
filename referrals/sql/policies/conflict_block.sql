-- The agency that set a block may read it; the recipient's leads may also read that only leads see
-- a referral. A lifted block is shown to no one: it would reveal who was barred. `app` writes
-- blocks only through sec.set_block() and sec.lift_block().

ALTER TABLE conflict_block ENABLE ROW LEVEL SECURITY;
ALTER TABLE conflict_block FORCE ROW LEVEL SECURITY;

-- All columns except `alert` and `told`: who else learns of a block is not shown to who set it.
DO $$
BEGIN
    EXECUTE (SELECT format('GRANT SELECT (%s) ON conflict_block TO app',
                           string_agg(quote_ident(attname), ', '))
               FROM pg_attribute WHERE attrelid = 'public.conflict_block'::regclass AND attnum > 0
                AND NOT attisdropped AND attname NOT IN ('alert', 'told'));
END $$;
GRANT SELECT (referral_id, agency_id), DELETE ON conflict_block TO jobs;
GRANT SELECT, INSERT, UPDATE ON conflict_block TO definer;

CREATE POLICY own_side ON conflict_block FOR SELECT TO app USING (
    (agency_id = (SELECT sec.caseworker_agency_id())
     OR (kind = 'leads_only' AND bars_agency_id = (SELECT sec.caseworker_agency_id())))
    AND lifted_at IS NULL AND sec.is_responsible_for(referral_id));
CREATE POLICY jobs_see ON conflict_block FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON conflict_block FOR DELETE TO jobs USING (true);
CREATE POLICY definer_keeps ON conflict_block TO definer USING (true) WITH CHECK (true);

CREATE TRIGGER keep_barred AFTER DELETE ON conflict_block
    FOR EACH ROW EXECUTE FUNCTION sec.remember_blocked();
CREATE TRIGGER keep_block AFTER INSERT OR UPDATE ON conflict_block
    FOR EACH ROW EXECUTE FUNCTION sec.apply_block();
