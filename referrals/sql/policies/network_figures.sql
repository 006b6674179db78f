-- The figures of the network, in bands. The background work makes them; functions show them to the
-- coordinator, and those of a published year to everyone (functions/network_figures.sql).

ALTER TABLE network_figures ENABLE ROW LEVEL SECURITY;
ALTER TABLE network_figures FORCE ROW LEVEL SECURITY;

GRANT SELECT, UPDATE (content, published_at, published_by, trainings, people_trained)
    ON network_figures TO definer;
GRANT SELECT (begins, months), INSERT ON network_figures TO jobs;

CREATE POLICY definer_shows ON network_figures TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON network_figures FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_make ON network_figures FOR INSERT TO jobs WITH CHECK (
    published_at IS NULL AND published_by IS NULL);
