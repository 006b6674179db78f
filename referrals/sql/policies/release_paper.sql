-- The agency that recorded a release may read where its paper is kept.

ALTER TABLE release_paper ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_paper FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT ON release_paper TO app;
GRANT SELECT (agency_id, release_id), DELETE ON release_paper TO jobs;

CREATE POLICY own_paper ON release_paper FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker_agency_id())
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id));
CREATE POLICY own_paper_begins ON release_paper FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer_agency_id())
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id
                   AND l.from_agency_id = release_paper.agency_id));
CREATE POLICY jobs_see ON release_paper FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON release_paper FOR DELETE TO jobs USING (true);
