-- What was published of years before the network had Cairn. Functions write it for the coordinator;
-- everyone reads it (functions/network_figures.sql).

ALTER TABLE earlier_year ENABLE ROW LEVEL SECURITY;
ALTER TABLE earlier_year FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON earlier_year TO definer;

CREATE POLICY definer_keeps ON earlier_year TO definer USING (true) WITH CHECK (true);
