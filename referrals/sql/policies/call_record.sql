-- A call record is private to the member who wrote it. An agency's leads count how calls ended
-- (functions/reports.sql).

ALTER TABLE call_record ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_record FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON call_record TO app;
GRANT SELECT (agency_id, outcome, created_at) ON call_record TO definer;

CREATE POLICY own_calls ON call_record FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker_agency_id())
        AND member_id = (SELECT (sec.identity()).member_id));
CREATE POLICY own_calls_begin ON call_record FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer_agency_id())
        AND member_id = (SELECT (sec.identity()).member_id));
CREATE POLICY definer_counts ON call_record FOR SELECT TO definer USING (true);
