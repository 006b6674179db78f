-- What is rendered for readers: `jobs` and `editor` write it, `app` reads it. The public
-- projections have no row security, since GIN and GiST cannot be used under it.

DO $$
DECLARE
    projection text;
BEGIN
    FOREACH projection IN ARRAY ARRAY[
        'listing', 'place', 'organization_listing', 'network_listing', 'network_place',
        'network_organization', 'word', 'total', 'milestone'
    ] LOOP
        EXECUTE format('GRANT SELECT ON directory_%s TO app', projection);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON directory_%s TO editor, jobs',
                       projection);
    END LOOP;
END $$;
GRANT SELECT ON directory_listing, directory_network_listing, directory_network_place TO definer;

-- T1: members of the network, and clients that read for one, may know what is confidential.
DO $$
DECLARE
    projection text;
BEGIN
    FOREACH projection IN ARRAY ARRAY['listing', 'place', 'organization'] LOOP
        EXECUTE format('ALTER TABLE directory_network_%s ENABLE ROW LEVEL SECURITY', projection);
        EXECUTE format('ALTER TABLE directory_network_%s FORCE ROW LEVEL SECURITY', projection);
        EXECUTE format('CREATE POLICY network ON directory_network_%s FOR SELECT TO app'
                       ' USING ((SELECT sec.is_in_network()))', projection);
        EXECUTE format('CREATE POLICY editor_keeps ON directory_network_%s TO editor'
                       ' USING ((SELECT sec.directory_editor_agency_id()) IS NOT NULL)'
                       ' WITH CHECK ((SELECT sec.directory_editor_agency_id()) IS NOT NULL)',
                           projection);
        EXECUTE format('CREATE POLICY jobs_keep ON directory_network_%s TO jobs'
                       ' USING (true) WITH CHECK (true)', projection);
        EXECUTE format('CREATE POLICY definer_reads ON directory_network_%s FOR SELECT TO definer'
                       ' USING (true)', projection);
    END LOOP;
END $$;

-- People phone by what a document says: an editor writes one for an organization that they edit, or
-- that shares a place with one (sec.may_editor_render). A trigger checks that, since the public
-- projections can have no policy.
DO $$
DECLARE
    projection text;
    named text;
BEGIN
    FOREACH projection IN ARRAY ARRAY[
        'listing', 'place', 'organization_listing', 'network_listing', 'network_place',
        'network_organization'
    ] LOOP
        named := CASE WHEN projection LIKE '%organization%' THEN '''id'', ''none'''
                      WHEN projection LIKE '%place' THEN '''organization_id'', ''service_id'''
                      ELSE '''organization_id'', ''id''' END;
        EXECUTE format('CREATE TRIGGER own BEFORE INSERT OR UPDATE OR DELETE ON directory_%s'
                       ' FOR EACH ROW WHEN (current_user = ''editor'')'
                       ' EXECUTE FUNCTION sec.check_rendered_entry(%s)', projection, named);
    END LOOP;
END $$;
