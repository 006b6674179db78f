-- The table belongs to `permissions`; its functions are here because they ask about the referral.
-- What it holds is sealed: `app` reads and writes it through functions, only of referrals that the
-- caller sees, and `jobs` seals it again by a new key.

ALTER TABLE bound_access ENABLE ROW LEVEL SECURITY;
ALTER TABLE bound_access FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE ON bound_access TO jobs;
GRANT SELECT, INSERT, UPDATE ON bound_access TO definer;

CREATE POLICY jobs_bind ON bound_access TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_keeps ON bound_access TO definer USING (true) WITH CHECK (true);
