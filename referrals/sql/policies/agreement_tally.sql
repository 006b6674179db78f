-- How often survivors were asked and said no (R14). Only sec.tally() counts.

ALTER TABLE agreement_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE agreement_tally FORCE ROW LEVEL SECURITY;

GRANT SELECT ON agreement_tally TO app;
GRANT SELECT, INSERT, UPDATE ON agreement_tally TO gate;

CREATE POLICY own_tally ON agreement_tally FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker()));
CREATE POLICY gate_counts ON agreement_tally TO gate USING (true) WITH CHECK (true);
