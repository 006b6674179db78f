-- A checkpoint holds counts and hashes of the whole network. Auditors and witnesses (clients with
-- audit:read) read it; not everyone may know how much is done in a night. The background work reads
-- it to send the newest one to witnesses.

ALTER TABLE log_checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_checkpoint FORCE ROW LEVEL SECURITY;

GRANT SELECT ON log_checkpoint TO auditor, jobs, gate;
GRANT SELECT, INSERT ON log_checkpoint TO sealer;

CREATE POLICY auditors_read ON log_checkpoint FOR SELECT TO auditor
    USING ((SELECT sec.auditing()) IS NOT NULL);
CREATE POLICY jobs_send ON log_checkpoint FOR SELECT TO jobs USING (true);
CREATE POLICY sealer_seals ON log_checkpoint TO sealer USING (true) WITH CHECK (true);
CREATE POLICY gate_reads ON log_checkpoint FOR SELECT TO gate USING (true);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION sec.log_is_append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION sec.log_is_append_only();
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER no_truncate;
