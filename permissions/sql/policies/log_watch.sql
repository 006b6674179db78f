-- What the background work last found when it checked the log. Auditors read it through
-- sec.seal_status().

ALTER TABLE log_watch ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_watch FORCE ROW LEVEL SECURITY;

GRANT SELECT, UPDATE (seq, at, faults, first_fault) ON log_watch TO sealer;
GRANT SELECT ON log_watch TO definer;

CREATE POLICY sealer_watches ON log_watch TO sealer USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON log_watch FOR SELECT TO definer USING (true);
