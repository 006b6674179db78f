-- Hashes of addresses that are not to be asked any more. A function adds one, `jobs` reads them.

ALTER TABLE directory_mail_opt_out ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_mail_opt_out FORCE ROW LEVEL SECURITY;

GRANT SELECT ON directory_mail_opt_out TO jobs;
GRANT SELECT, INSERT ON directory_mail_opt_out TO definer;

CREATE POLICY jobs_read ON directory_mail_opt_out FOR SELECT TO jobs USING (true);
CREATE POLICY definer_keeps ON directory_mail_opt_out TO definer USING (true) WITH CHECK (true);
