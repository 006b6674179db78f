-- Codes that prove channels. No role that serves reads or writes them.

ALTER TABLE channel_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_code FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON channel_code TO definer;
GRANT SELECT, DELETE ON channel_code TO jobs;

CREATE POLICY definer_keeps ON channel_code TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_send ON channel_code TO jobs USING (true);
