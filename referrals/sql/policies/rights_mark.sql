-- What is to be counted of a referral's records of rights. Only sec.mark_rights() writes, and no
-- role that serves requests reads a row: a lead and the coordinator are shown counts.

ALTER TABLE rights_mark ENABLE ROW LEVEL SECURITY;
ALTER TABLE rights_mark FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON rights_mark TO definer;
GRANT SELECT, DELETE ON rights_mark TO jobs;

CREATE POLICY definer_counts ON rights_mark TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON rights_mark FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON rights_mark FOR DELETE TO jobs USING (true);
