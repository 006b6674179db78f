-- The sealed parts of exports. The server has no key to them; `jobs` deletes them, and reads none.

ALTER TABLE bulk_export_part ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_export_part FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, DELETE ON bulk_export_part TO definer;
GRANT SELECT (export_id), DELETE ON bulk_export_part TO jobs;

CREATE POLICY definer_keeps ON bulk_export_part TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON bulk_export_part FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_delete ON bulk_export_part FOR DELETE TO jobs USING (true);
