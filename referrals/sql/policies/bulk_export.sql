-- Exports of an agency's own referrals: `app` asks for, confirms, ends and writes them through
-- functions only (referrals/sql/functions/bulk_exports.sql). `jobs` finds those that are to be
-- written or over; it cannot change who asked, who confirmed, or to which key they are sealed.

ALTER TABLE bulk_export ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_export FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE ON bulk_export TO definer;
GRANT SELECT (id, asked_by_id, system_id, credential, confirmed_by_id, confirmed_at, ready_at,
      ends_at, ended_at), UPDATE (ended_at, end_reason, credential, after_at, after_id), DELETE
      ON bulk_export TO jobs;

CREATE POLICY definer_keeps ON bulk_export TO definer USING (true) WITH CHECK (true);
CREATE POLICY jobs_see ON bulk_export FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_end ON bulk_export FOR UPDATE TO jobs
    USING (true) WITH CHECK (ended_at IS NOT NULL AND credential IS NULL);
CREATE POLICY jobs_forget ON bulk_export FOR DELETE TO jobs USING (ended_at IS NOT NULL);
