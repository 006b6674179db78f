-- The agency that recorded the end of a release may read it.

ALTER TABLE release_end ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_end FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON release_end TO app;
GRANT SELECT (agency_id, release_id), DELETE ON release_end TO jobs;
GRANT INSERT ON release_end TO definer;

CREATE POLICY own_end ON release_end FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker_agency_id())
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id));
CREATE POLICY own_end_begins ON release_end FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer_agency_id()) AND revoked_by = (SELECT (sec.identity()).member_id)
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id));
CREATE POLICY jobs_see ON release_end FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON release_end FOR DELETE TO jobs USING (true);
CREATE POLICY definer_notes ON release_end FOR INSERT TO definer WITH CHECK (true);
