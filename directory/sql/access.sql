-- Rights on the directory. `app` reads what is rendered and the taxonomies; it sees no source row.

DO $$
DECLARE
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY[
        'organization', 'program', 'service', 'location', 'serviceatlocation', 'contact', 'phone',
        'address', 'schedule', 'funding', 'servicearea', 'requireddocument', 'language',
        'accessibility', 'costoption', 'organizationidentifier', 'url', 'taxonomy',
        'taxonomyterm', 'attribute', 'quarantine', 'holidayschedule', 'unit', 'servicecapacity',
        'metadata', 'metatabledescription', 'editing', 'edit', 'confidential_address',
        'unmet_search', 'postcode', 'listing', 'network_listing', 'place', 'network_place',
        'organization_listing', 'network_organization', 'word', 'change', 'total', 'milestone'
    ] LOOP
        EXECUTE format('REVOKE ALL ON directory_%s FROM PUBLIC', source);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON directory_%s TO jobs', source);
    END LOOP;
END $$;
GRANT SELECT ON directory_taxonomy, directory_taxonomyterm, directory_listing, directory_place,
    directory_organization_listing, directory_word, directory_total, directory_milestone,
    directory_postcode TO app;
GRANT SELECT ON directory_listing, directory_network_listing, directory_network_place TO gate;
GRANT USAGE ON SEQUENCE directory_change_seq_seq TO jobs;

-- T1: what is confidential is known to members of the network, and to clients that read for one.
-- No row security on the public projections: GIN and GiST cannot be used under it.
DO $$
DECLARE
    projection text;
BEGIN
    FOREACH projection IN ARRAY ARRAY['listing', 'place', 'organization'] LOOP
        EXECUTE format('ALTER TABLE directory_network_%s ENABLE ROW LEVEL SECURITY', projection);
        EXECUTE format('ALTER TABLE directory_network_%s FORCE ROW LEVEL SECURITY', projection);
        EXECUTE format('GRANT SELECT ON directory_network_%s TO app', projection);
        EXECUTE format('CREATE POLICY network ON directory_network_%s FOR SELECT TO app'
                       ' USING ((SELECT sec.in_network()))', projection);
        EXECUTE format('CREATE POLICY gate_reads ON directory_network_%s FOR SELECT TO gate'
                       ' USING (true)', projection);
        EXECUTE format('CREATE POLICY jobs_keep ON directory_network_%s TO jobs'
                       ' USING (true) WITH CHECK (true)', projection);
    END LOOP;
END $$;

-- A search in vain, counted: codes, area and month. Whoever searches may add one, and read none.
CREATE FUNCTION sec.tally_unmet(new_id uuid, codes text[], area text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.directory_unmet_search AS u (id, month, codes, area, count)
    VALUES (new_id, date_trunc('month', sec.clock())::date, tally_unmet.codes, tally_unmet.area, 1)
    ON CONFLICT ON CONSTRAINT unmet_once_a_month DO UPDATE SET count = u.count + 1;
END $$;
REVOKE ALL ON FUNCTION sec.tally_unmet(uuid, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.tally_unmet(uuid, text[], text) TO app;
GRANT SELECT, INSERT, UPDATE ON directory_unmet_search TO gate;
ALTER FUNCTION sec.tally_unmet(uuid, text[], text) OWNER TO gate;
