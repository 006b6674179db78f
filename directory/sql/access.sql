-- Rights on the directory. `app` reads what is rendered and the taxonomies; it sees no source row.

DO $$
DECLARE
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY[
        'organization', 'program', 'service', 'location', 'serviceatlocation', 'contact', 'phone',
        'address', 'schedule', 'funding', 'servicearea', 'requireddocument', 'language',
        'accessibility', 'costoption', 'organizationidentifier', 'url', 'taxonomy',
        'taxonomyterm', 'attribute', 'quarantine', 'listing', 'network_listing'
    ] LOOP
        EXECUTE format('REVOKE ALL ON directory_%s FROM PUBLIC', source);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON directory_%s TO jobs', source);
    END LOOP;
END $$;
GRANT SELECT ON directory_taxonomy, directory_taxonomyterm TO app;
GRANT SELECT ON directory_listing, directory_network_listing TO app, gate;

-- T1: a confidential service is known to members of the network, that is to any live credential.
-- No row security on directory_listing: it is public, and GIN cannot be used under row security.
ALTER TABLE directory_network_listing ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_network_listing FORCE ROW LEVEL SECURITY;
CREATE POLICY network ON directory_network_listing FOR SELECT TO app
    USING ((SELECT sec.caller()) IS NOT NULL);
CREATE POLICY gate_reads ON directory_network_listing FOR SELECT TO gate USING (true);
CREATE POLICY jobs_keep ON directory_network_listing TO jobs USING (true) WITH CHECK (true);
