-- The agency that set a block may read it; the recipient's leads may also read that only leads see
-- a referral. A lifted block is shown to no one: it would reveal who was barred. `app` writes
-- blocks only through sec.set_block() and sec.lift_block().

ALTER TABLE conflict_block ENABLE ROW LEVEL SECURITY;
ALTER TABLE conflict_block FORCE ROW LEVEL SECURITY;

GRANT SELECT ON conflict_block TO app;
GRANT SELECT (referral_id, agency_id), DELETE ON conflict_block TO jobs;
GRANT SELECT, INSERT, UPDATE ON conflict_block TO gate;

CREATE POLICY own_side ON conflict_block FOR SELECT TO app USING (
    (agency_id = (SELECT sec.caseworker())
     OR (kind = 'leads_only' AND bars_agency_id = (SELECT sec.caseworker())))
    AND lifted_at IS NULL AND sec.answers_for(referral_id));
CREATE POLICY jobs_see ON conflict_block FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON conflict_block FOR DELETE TO jobs USING (true);
CREATE POLICY gate_keeps ON conflict_block TO gate USING (true) WITH CHECK (true);

CREATE TRIGGER keep_barred AFTER DELETE ON conflict_block
    FOR EACH ROW EXECUTE FUNCTION sec.keep_barred();
CREATE TRIGGER keep_block AFTER INSERT OR UPDATE ON conflict_block
    FOR EACH ROW EXECUTE FUNCTION sec.keep_block();
