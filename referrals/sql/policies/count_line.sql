-- What acts add to the cells. Only functions of the database insert (functions/numbers.sql), and
-- the background work adds it up.

ALTER TABLE count_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE count_line FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON count_line TO definer;
GRANT USAGE ON SEQUENCE count_line_id_seq TO definer;
GRANT SELECT, DELETE ON count_line TO jobs;

CREATE POLICY definer_counts ON count_line TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON count_line FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_add_up ON count_line FOR DELETE TO jobs USING (true);
