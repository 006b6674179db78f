-- The source tables: an import (`jobs`) or an editor (`editor`) writes them. `app` sees no source
-- row.

DO $$
DECLARE
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY[
        'organization', 'program', 'service', 'location', 'serviceatlocation', 'contact', 'phone',
        'address', 'schedule', 'funding', 'servicearea', 'requireddocument', 'language',
        'accessibility', 'costoption', 'organizationidentifier', 'url', 'attribute',
        'holidayschedule', 'servicecapacity', 'metadata', 'unit', 'metatabledescription',
        'quarantine', 'editing'
    ] LOOP
        EXECUTE format('ALTER TABLE directory_%s ENABLE ROW LEVEL SECURITY', source);
        EXECUTE format('ALTER TABLE directory_%s FORCE ROW LEVEL SECURITY', source);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON directory_%s TO jobs', source);
        EXECUTE format('GRANT SELECT ON directory_%s TO definer', source);
        EXECUTE format('CREATE POLICY jobs_keep ON directory_%s TO jobs'
                       ' USING (true) WITH CHECK (true)', source);
        EXECUTE format('CREATE POLICY definer_reads ON directory_%s FOR SELECT TO definer'
                       ' USING (true)', source);
    END LOOP;
END $$;

-- A live editor reads everyone's rows, since a document shows them next to its own, and writes the
-- rows of the organizations that their agency edits.
DO $$
DECLARE
    source text;
    columns text;
BEGIN
    FOREACH source IN ARRAY ARRAY[
        'organization', 'program', 'service', 'location', 'serviceatlocation', 'contact', 'phone',
        'address', 'schedule', 'funding', 'servicearea', 'requireddocument', 'language',
        'accessibility', 'costoption', 'organizationidentifier', 'url', 'attribute',
        'holidayschedule', 'servicecapacity', 'metadata', 'unit'
    ] LOOP
        EXECUTE format('GRANT SELECT ON directory_%s TO editor', source);
        EXECUTE format('CREATE POLICY editor_reads ON directory_%s FOR SELECT TO editor'
                       ' USING ((SELECT sec.directory_editor_agency_id()) IS NOT NULL)', source);
        CONTINUE WHEN source IN ('organization', 'unit');
        -- No editor poses as an imported source, or gives a row to another organization.
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
         WHERE attrelid = format('public.directory_%s', source)::regclass AND attnum > 0
           AND NOT attisdropped
           AND attname NOT IN ('id', 'source', 'external_id', 'part_of_id', 'imported_at');
        EXECUTE format('GRANT INSERT, DELETE, UPDATE (%s) ON directory_%s TO editor',
                       columns, source);
        EXECUTE format('CREATE POLICY own_begins ON directory_%1$s FOR INSERT TO editor WITH CHECK'
                       ' (sec.is_editor_of(part_of_id) AND'
                       ' sec.may_edit_links(to_jsonb(directory_%1$s))'
                       ' AND source = '''' AND external_id = '''')', source);
        EXECUTE format('CREATE POLICY own_changes ON directory_%1$s FOR UPDATE TO editor'
                       ' USING (sec.is_editor_of(part_of_id)) WITH CHECK'
                       ' (sec.is_editor_of(part_of_id) AND'
                       ' sec.may_edit_links(to_jsonb(directory_%1$s)))',
                       source);
        EXECUTE format('CREATE POLICY own_ends ON directory_%s FOR DELETE TO editor'
                       ' USING (sec.is_editor_of(part_of_id))', source);
    END LOOP;
END $$;

-- What sec.erase_hidden_location() removes when a place becomes confidential.
DO $$
DECLARE
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY['address', 'metadata', 'attribute', 'quarantine'] LOOP
        EXECUTE format('GRANT DELETE ON directory_%s TO definer', source);
        EXECUTE format('CREATE POLICY definer_hides ON directory_%s FOR DELETE TO definer USING'
                       ' (true)',
                       source);
    END LOOP;
END $$;

-- What is said of a source: it is rendered into its entries.
GRANT SELECT, INSERT, UPDATE, DELETE ON directory_source TO jobs;
GRANT SELECT ON directory_source TO editor, definer;
