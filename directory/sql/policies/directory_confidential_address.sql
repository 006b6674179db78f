-- The address of a confidential place. Those who edit it write it and cannot read it as `editor`.
-- As `app`, an access entry of the same transaction shows one to the agency's own people. `jobs`
-- wraps the keys again (rotation).

ALTER TABLE directory_confidential_address ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_confidential_address FORCE ROW LEVEL SECURITY;

GRANT SELECT ON directory_confidential_address TO app;
GRANT SELECT (id, location_id, agency_id, updated), INSERT, UPDATE (kek_version, key_bundle, sealed,
      updated), DELETE ON directory_confidential_address TO editor;
GRANT SELECT (id, agency_id, kek_version, key_bundle), UPDATE (kek_version, key_bundle)
      ON directory_confidential_address TO jobs;
GRANT SELECT, DELETE ON directory_confidential_address TO definer;

CREATE POLICY opened ON directory_confidential_address FOR SELECT TO app USING (
    location_id = (SELECT sec.opened_location_id())
        AND agency_id = (SELECT sec.current_agency_id()));
CREATE POLICY own_address ON directory_confidential_address TO editor
    USING (agency_id = (SELECT sec.directory_editor_agency_id())
           AND sec.is_editor_of(sec.organization_id_of('location', location_id)))
    WITH CHECK (agency_id = (SELECT sec.directory_editor_agency_id())
                AND sec.is_editor_of(sec.organization_id_of('location', location_id))
                AND EXISTS (SELECT FROM directory_location l
                             WHERE l.id = location_id AND l.confidential));
CREATE POLICY jobs_see ON directory_confidential_address FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON directory_confidential_address FOR UPDATE TO jobs
    USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON directory_confidential_address FOR SELECT TO definer USING (true);
CREATE POLICY definer_ends ON directory_confidential_address FOR DELETE TO definer USING (true);
