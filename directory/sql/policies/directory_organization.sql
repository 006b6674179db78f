-- An organization: see directory_sources.sql. A new one begins through sec.create_organization().

GRANT INSERT, UPDATE ON directory_organization TO definer;
DO $$
BEGIN
    EXECUTE (SELECT format('GRANT UPDATE (%s) ON directory_organization TO editor',
                           string_agg(quote_ident(attname), ', '))
               FROM pg_attribute WHERE attrelid = 'public.directory_organization'::regclass
                AND attnum > 0 AND NOT attisdropped
                AND attname NOT IN ('id', 'source', 'external_id', 'imported_at'));
END $$;

CREATE POLICY own_changes ON directory_organization FOR UPDATE TO editor
    USING (sec.is_editor_of(id)) WITH CHECK (sec.is_editor_of(id));
CREATE POLICY definer_begins ON directory_organization FOR INSERT TO definer WITH CHECK (true);
CREATE POLICY definer_locks ON directory_organization FOR UPDATE TO definer
    USING (true) WITH CHECK (false);

CREATE TRIGGER hides AFTER INSERT OR UPDATE OF confidential ON directory_organization
    FOR EACH ROW WHEN (NEW.confidential) EXECUTE FUNCTION sec.hide_organization_places();
