-- What was taken away. Triggers write it; the background work reads it and brings it to the journal
-- outside the database. No one who serves reads it.

ALTER TABLE closing ENABLE ROW LEVEL SECURITY;
ALTER TABLE closing FORCE ROW LEVEL SECURITY;

GRANT SELECT, UPDATE (written_at), DELETE ON closing TO jobs;
GRANT SELECT, INSERT, DELETE ON closing TO definer;

CREATE POLICY jobs_write ON closing TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_notes ON closing FOR INSERT TO definer WITH CHECK (true);
CREATE POLICY definer_reads ON closing FOR SELECT TO definer USING (true);
CREATE POLICY definer_erases ON closing FOR DELETE TO definer USING (true);
