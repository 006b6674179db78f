-- What readers say is wrong in an entry. Only functions read and write it
-- (functions/mistake_reports.sql).

ALTER TABLE directory_mistake_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_mistake_report FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, DELETE, UPDATE (words, done_by, done_at) ON directory_mistake_report
    TO definer;

CREATE POLICY definer_keeps ON directory_mistake_report TO definer USING (true) WITH CHECK (true);
