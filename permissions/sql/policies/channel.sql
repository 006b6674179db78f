-- How an agency and its members are reached. A member alone sees their own channels, the
-- agency_admin sees the agency's, and the background work, which calls, sees all of them. Only
-- sec.prove_channel() writes `proven_at`.

ALTER TABLE channel ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT (id, agency_id, membership_id, use, kind, address, language, position,
      name, push_keys),
      UPDATE (language, position, test_asked_at, test_outcome) ON channel TO app;
GRANT SELECT, UPDATE (test_outcome) ON channel TO jobs;
GRANT SELECT, UPDATE (proven_at), DELETE ON channel TO definer;

CREATE POLICY whose_it_is ON channel TO app
    USING (membership_id = (SELECT sec.current_member_id())
           OR (membership_id IS NULL AND agency_id = (SELECT sec.administrator_agency_id())))
    WITH CHECK ((membership_id = (SELECT sec.current_member_id())
        AND agency_id = (SELECT sec.current_agency_id()))
                OR (membership_id IS NULL AND agency_id = (SELECT sec.administrator_agency_id())));
CREATE POLICY jobs_ring ON channel FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_tested ON channel FOR UPDATE TO jobs USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON channel FOR SELECT TO definer USING (true);
CREATE POLICY definer_proves ON channel FOR UPDATE TO definer USING (true) WITH CHECK (true);
CREATE POLICY definer_removes ON channel FOR DELETE TO definer USING (true);
