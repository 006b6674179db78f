-- The survivor's own way in (referrals/slip/). No caller reads or writes a row: `app` does so by
-- functions, with the code or as who answers for the referral there. `jobs` binds the rows by a new
-- key, and purges them.

ALTER TABLE survivor_slip ENABLE ROW LEVEL SECURITY;
ALTER TABLE survivor_slip FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE ON survivor_slip TO definer;
GRANT SELECT, UPDATE (mac), DELETE ON survivor_slip TO jobs;

CREATE POLICY definer_keeps ON survivor_slip TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON survivor_slip FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_bind ON survivor_slip FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs_purge ON survivor_slip FOR DELETE TO jobs USING (true);
