-- How often survivors were asked and said no (R14). Only sec.count_agreement_answer() counts, and
-- no role that serves requests reads: a count tells those whom a referral bars that it was sent.

ALTER TABLE agreement_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE agreement_tally FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE ON agreement_tally TO definer;

CREATE POLICY definer_counts ON agreement_tally TO definer USING (true) WITH CHECK (true);
