-- A checkpoint holds counts and hashes of the whole network. Auditors and witnesses (clients with
-- audit:read) read it; not everyone may know how much is done in a night. The background work reads
-- it to send the newest one to witnesses.

ALTER TABLE log_checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_checkpoint FORCE ROW LEVEL SECURITY;

GRANT SELECT ON log_checkpoint TO auditor, jobs, definer;
GRANT SELECT, INSERT ON log_checkpoint TO sealer;

CREATE POLICY auditors_read ON log_checkpoint FOR SELECT TO auditor
    USING ((SELECT sec.auditor_agency_id()) IS NOT NULL);
CREATE POLICY jobs_send ON log_checkpoint FOR SELECT TO jobs USING (true);
CREATE POLICY sealer_seals ON log_checkpoint TO sealer USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON log_checkpoint FOR SELECT TO definer USING (true);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION sec.refuse_log_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION sec.refuse_log_change();
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER no_truncate;
