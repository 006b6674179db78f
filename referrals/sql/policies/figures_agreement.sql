-- Which agencies are named in the network's figures. Functions write it for an agency's leads
-- (functions/network_figures.sql); the background work asks whom it may name.

ALTER TABLE figures_agreement ENABLE ROW LEVEL SECURITY;
ALTER TABLE figures_agreement FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE (ended_at, ended_by) ON figures_agreement TO definer;
GRANT SELECT (agency_id, ended_at) ON figures_agreement TO jobs;

CREATE POLICY definer_keeps ON figures_agreement TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON figures_agreement FOR SELECT TO jobs USING (true);
