-- Who may change what of the directory: the second wall. Whoever can change a telephone number here
-- can send a victim to her abuser, so that an edit is judged by the database too: the role `editor`
-- writes rows of the organizations that the caller's agency edits, which point at rows of such
-- organizations only. Default deny; written positively, so that NULL (no token) refuses.
-- The first wall is directory/editing.

-- gate: what the functions below read -----------------------------------------------------------

DO $$
DECLARE
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY[
        'organization', 'program', 'service', 'location', 'serviceatlocation', 'contact', 'phone',
        'address', 'schedule', 'funding', 'servicearea', 'requireddocument', 'language',
        'accessibility', 'costoption', 'organizationidentifier', 'url', 'attribute',
        'holidayschedule', 'servicecapacity', 'metadata', 'unit', 'metatabledescription',
        'quarantine', 'editing', 'edit', 'confidential_address', 'change'
    ] LOOP
        EXECUTE format('ALTER TABLE directory_%s ENABLE ROW LEVEL SECURITY', source);
        EXECUTE format('ALTER TABLE directory_%s FORCE ROW LEVEL SECURITY', source);
        EXECUTE format('CREATE POLICY jobs_keep ON directory_%s TO jobs'
                       ' USING (true) WITH CHECK (true)', source);
        EXECUTE format('CREATE POLICY gate_reads ON directory_%s FOR SELECT TO gate'
                       ' USING (true)', source);
        EXECUTE format('GRANT SELECT ON directory_%s TO gate', source);
    END LOOP;
END $$;

-- What was told is not taken back; a confidential address is its agency's own.
REVOKE UPDATE, DELETE ON directory_change, directory_edit FROM jobs;
REVOKE ALL ON directory_confidential_address FROM jobs;
DROP POLICY jobs_keep ON directory_confidential_address;

-- Questions the policies ask --------------------------------------------------------------------

CREATE FUNCTION sec.edits(org uuid) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.directory_editing e
                WHERE e.content_object_id = org AND e.agency_id = sec.directory_editor()) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- Whose row it is; `entity` is the standard's name of its table. NULL: nobody's.
CREATE FUNCTION sec.organization_of(entity text, row_id uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    found_in uuid;
BEGIN
    IF entity = 'organization' THEN
        RETURN row_id;
    ELSIF entity IN (
        'program', 'service', 'location', 'service_at_location', 'contact', 'phone', 'address',
        'schedule', 'funding', 'service_area', 'required_document', 'language', 'accessibility',
        'cost_option', 'organization_identifier', 'url', 'attribute', 'holiday_schedule',
        'service_capacity', 'metadata') THEN
        EXECUTE format('SELECT part_of_id FROM public.directory_%s WHERE id = $1',
                       replace(entity, '_', '')) INTO found_in USING row_id;
        RETURN found_in;
    END IF;
    RETURN NULL;
END $$;

-- Whether everything that a row points at belongs to organizations that the caller edits: a number
-- of mine below another's service would stand in their entry. A parent organization, a unit and a
-- term are named only: nothing appears in their own entry.
CREATE FUNCTION sec.edits_links(row_of jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    link record;
BEGIN
    FOR link IN
        SELECT left(column_of.key, -3) AS entity, column_of.value::uuid AS id
          FROM jsonb_each_text(row_of) column_of
         WHERE column_of.value IS NOT NULL
           AND column_of.key IN ('organization_id', 'program_id', 'service_id', 'location_id',
                                 'service_at_location_id', 'contact_id', 'phone_id')
        UNION ALL
        SELECT row_of->>'link_table', (row_of->>'link_id')::uuid WHERE row_of ? 'link_id'
        UNION ALL
        SELECT row_of->>'resource_table', (row_of->>'resource_id')::uuid
         WHERE row_of ? 'resource_id'
    LOOP
        CONTINUE WHEN sec.edits(sec.organization_of(link.entity, link.id));
        RETURN false;
    END LOOP;
    RETURN true;
END $$;

-- Which confidential address an access entry of *this transaction* has opened (R11), for a member
-- who may read it: as sec.opening does for a packet.
CREATE FUNCTION sec.opened_address() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    about uuid;
BEGIN
    IF me.client_id IS NULL AND me.roles && ARRAY['worker', 'lead', 'directory_editor'] THEN
        SELECT e.directory_id INTO about
          FROM public.access_entry e
         WHERE e.xact = pg_current_xact_id_if_assigned()::text::bigint
           AND e.at > sec.clock() - interval '1 hour'  -- prunes partitions; never the deciding test
           AND e.act = 'address.open' AND e.decision = 'allowed'
           AND e.agency_id = me.agency_id AND e.member_id = me.member_id AND e.client_id IS NULL
         ORDER BY e.id DESC LIMIT 1;
        RETURN about;
    END IF;
    RETURN NULL;
END $$;

-- Acts that need more than the caller's own rows ------------------------------------------------

-- A new organization is the caller's agency's own from its first moment. The only way to insert one
-- and the only way to a right of editing, other than by `jobs`.
CREATE FUNCTION sec.begin_organization(row_of jsonb, editing_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    agency uuid := sec.directory_editor();
BEGIN
    IF agency IS NULL THEN
        RAISE EXCEPTION 'nobody who edits' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.directory_organization
    SELECT * FROM jsonb_populate_record(
        NULL::public.directory_organization, row_of || '{"source": "", "external_id": ""}');
    INSERT INTO public.auth_group (name) VALUES (agency::text) ON CONFLICT (name) DO NOTHING;
    INSERT INTO public.directory_editing (id, content_object_id, agency_id, group_id, permission_id)
    SELECT editing_id, (row_of->>'id')::uuid, agency, g.id, p.id
      FROM public.auth_group g, public.auth_permission p
     WHERE g.name = agency::text AND p.codename = 'edit_organization';
    IF NOT FOUND THEN  -- an organization that nobody could ever correct
        RAISE EXCEPTION 'nobody would edit it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;
GRANT INSERT ON directory_organization, directory_editing, auth_group TO gate;
GRANT SELECT ON auth_group, auth_permission TO gate;
GRANT SELECT, INSERT ON auth_group TO jobs;
CREATE POLICY gate_begins ON directory_organization FOR INSERT TO gate WITH CHECK (true);
CREATE POLICY gate_begins ON directory_editing FOR INSERT TO gate WITH CHECK (true);

-- Rendering locks what it writes anew, also another's service at a place that it shares: a lock
-- asks for the right to change.
CREATE FUNCTION sec.lock_entries(organizations uuid[], services uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM public.directory_organization WHERE id = ANY (organizations)
      ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM public.directory_service WHERE id = ANY (services)
      ORDER BY id FOR NO KEY UPDATE;
END $$;
GRANT UPDATE ON directory_organization, directory_service TO gate;
CREATE POLICY gate_locks ON directory_organization FOR UPDATE TO gate
    USING (true) WITH CHECK (false);
CREATE POLICY gate_locks ON directory_service FOR UPDATE TO gate USING (true) WITH CHECK (false);

-- editor: the policies --------------------------------------------------------------------------

GRANT SELECT ON directory_taxonomy, directory_taxonomyterm, directory_postcode TO editor;

-- Everybody's rows are read, since a document shows them beside its own; by a live editor alone.
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
                       ' USING ((SELECT sec.directory_editor()) IS NOT NULL)', source);
        CONTINUE WHEN source IN ('organization', 'unit');
        -- Nobody poses as an imported source, nor gives a row to another organization.
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
         WHERE attrelid = format('public.directory_%s', source)::regclass AND attnum > 0
           AND NOT attisdropped AND attname NOT IN ('id', 'source', 'external_id', 'part_of_id');
        EXECUTE format('GRANT INSERT, DELETE, UPDATE (%s) ON directory_%s TO editor',
                       columns, source);
        EXECUTE format('CREATE POLICY own_begins ON directory_%1$s FOR INSERT TO editor WITH CHECK'
                       ' (sec.edits(part_of_id) AND sec.edits_links(to_jsonb(directory_%1$s))'
                       ' AND source = '''' AND external_id = '''')', source);
        EXECUTE format('CREATE POLICY own_changes ON directory_%1$s FOR UPDATE TO editor'
                       ' USING (sec.edits(part_of_id)) WITH CHECK'
                       ' (sec.edits(part_of_id) AND sec.edits_links(to_jsonb(directory_%1$s)))',
                       source);
        EXECUTE format('CREATE POLICY own_ends ON directory_%s FOR DELETE TO editor'
                       ' USING (sec.edits(part_of_id))', source);
    END LOOP;
    SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
     WHERE attrelid = 'public.directory_organization'::regclass AND attnum > 0
       AND NOT attisdropped AND attname NOT IN ('id', 'source', 'external_id');
    EXECUTE format('GRANT UPDATE (%s) ON directory_organization TO editor', columns);
END $$;
CREATE POLICY own_changes ON directory_organization FOR UPDATE TO editor
    USING (sec.edits(id)) WITH CHECK (sec.edits(id));
-- A unit belongs to nobody: one may be named anew, none that others count in may be changed.
GRANT INSERT ON directory_unit TO editor;
CREATE POLICY editor_begins ON directory_unit FOR INSERT TO editor WITH CHECK (
    (SELECT sec.directory_editor()) IS NOT NULL AND source = '' AND external_id = '');

-- Who answers referrals: an editor names her own agency or nobody. Another's name, that `jobs` has
-- bound, stays until it is taken away.
CREATE FUNCTION sec.answers_for_itself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.answered_by_id IS NULL OR NEW.answered_by_id = sec.directory_editor() THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'another agency answers for itself' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER answers_begins BEFORE INSERT ON directory_service
    FOR EACH ROW WHEN (current_user = 'editor') EXECUTE FUNCTION sec.answers_for_itself();
CREATE TRIGGER answers_changes BEFORE UPDATE OF answered_by_id ON directory_service
    FOR EACH ROW WHEN (current_user = 'editor'
                       AND NEW.answered_by_id IS DISTINCT FROM OLD.answered_by_id)
    EXECUTE FUNCTION sec.answers_for_itself();

-- Who edits what, and who changed what.
GRANT SELECT ON directory_editing TO app, editor;
CREATE POLICY own_agency ON directory_editing FOR SELECT TO app
    USING (agency_id = (SELECT sec.caller()));
CREATE POLICY own_agency_edits ON directory_editing FOR SELECT TO editor
    USING (agency_id = (SELECT sec.directory_editor()));
GRANT SELECT, INSERT ON directory_edit TO editor;
CREATE POLICY own_history ON directory_edit FOR SELECT TO editor USING (sec.edits(organization_id));
CREATE POLICY own_edits ON directory_edit FOR INSERT TO editor WITH CHECK (
    sec.edits(organization_id)
    AND (agency_id, coalesce(member_id::text, ''), coalesce(client_id::text, '')) = (
        SELECT me.agency_id, coalesce(me.member_id::text, ''), coalesce(me.client_id::text, '')
          FROM sec.identity() me)
);

-- Where a confidential place is: put by who edits it, read by none of them as `editor`; shown as
-- `app` to the agency's own people, one at a time, to an access entry of the same transaction.
ALTER TABLE directory_confidential_address
    ADD FOREIGN KEY (location_id) REFERENCES directory_location ON DELETE CASCADE;
GRANT SELECT (id, location_id, agency_id, updated), INSERT, DELETE,
    UPDATE (kek_version, key_bundle, sealed, updated)
    ON directory_confidential_address TO editor;
CREATE POLICY own_address ON directory_confidential_address TO editor
    USING (agency_id = (SELECT sec.directory_editor())
           AND sec.edits(sec.organization_of('location', location_id)))
    WITH CHECK (agency_id = (SELECT sec.directory_editor())
                AND sec.edits(sec.organization_of('location', location_id))
                AND EXISTS (SELECT FROM directory_location l
                             WHERE l.id = location_id AND l.confidential));
GRANT SELECT ON directory_confidential_address TO app;
CREATE POLICY opened ON directory_confidential_address FOR SELECT TO app USING (
    location_id = (SELECT sec.opened_address()) AND agency_id = (SELECT sec.caller()));
GRANT SELECT (id, agency_id, kek_version, key_bundle), UPDATE (kek_version, key_bundle)
    ON directory_confidential_address TO jobs;  -- rotation (permissions/sql/keys.sql)
CREATE POLICY jobs_see ON directory_confidential_address FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_rewrap ON directory_confidential_address FOR UPDATE TO jobs
    USING (true) WITH CHECK (true);
GRANT DELETE ON directory_confidential_address TO gate;
CREATE POLICY gate_ends ON directory_confidential_address FOR DELETE TO gate USING (true);

-- The projections that an edit renders ------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE, DELETE ON directory_listing, directory_place,
    directory_organization_listing, directory_network_listing, directory_network_place,
    directory_network_organization, directory_word, directory_total, directory_milestone TO editor;
CREATE POLICY editor_keeps ON directory_network_listing TO editor
    USING ((SELECT sec.directory_editor()) IS NOT NULL)
    WITH CHECK ((SELECT sec.directory_editor()) IS NOT NULL);
CREATE POLICY editor_keeps ON directory_network_place TO editor
    USING ((SELECT sec.directory_editor()) IS NOT NULL)
    WITH CHECK ((SELECT sec.directory_editor()) IS NOT NULL);
CREATE POLICY editor_keeps ON directory_network_organization TO editor
    USING ((SELECT sec.directory_editor()) IS NOT NULL)
    WITH CHECK ((SELECT sec.directory_editor()) IS NOT NULL);

-- A document is what people ring by: the same question as of its sources, by a trigger, since the
-- public projections can have no policy. Another's service at a place that it shares with ours is
-- rendered with it, and so is the organization whose place that is. Editors share none anew: only
-- an import lets a service be found at another's place.
CREATE FUNCTION sec.renders(org uuid, service uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF sec.edits(org) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM public.directory_serviceatlocation x
                    JOIN public.directory_location l ON l.id = x.location_id
                   WHERE x.service_id = service
                     AND (sec.edits(l.part_of_id)
                          OR EXISTS (SELECT FROM public.directory_serviceatlocation y
                                      WHERE y.location_id = l.id AND sec.edits(y.part_of_id)))) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM public.directory_location l
                    JOIN public.directory_serviceatlocation y ON y.location_id = l.id
                   WHERE l.organization_id = org AND sec.edits(y.part_of_id)) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;
-- What rendering may take along beside what was asked for; what an editor may not, waits for the
-- night (directory/rendering/refreshing.py).
CREATE FUNCTION sec.may_render(org uuid, service uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_user = 'editor' THEN
        RETURN sec.renders(org, service);
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION sec.renders_its_own() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one jsonb;
BEGIN
    FOREACH one IN ARRAY CASE TG_OP WHEN 'INSERT' THEN ARRAY[to_jsonb(NEW)]
                                    WHEN 'DELETE' THEN ARRAY[to_jsonb(OLD)]
                                    ELSE ARRAY[to_jsonb(OLD), to_jsonb(NEW)] END LOOP
        CONTINUE WHEN sec.renders((one->>TG_ARGV[0])::uuid, (one->>TG_ARGV[1])::uuid);
        RAISE EXCEPTION 'an entry of another' USING ERRCODE = 'insufficient_privilege';
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
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
                       ' EXECUTE FUNCTION sec.renders_its_own(%s)', projection, named);
    END LOOP;
END $$;

-- The change feed: the public's lines to everybody, the network's to the network.
GRANT SELECT ON directory_change TO app;
GRANT SELECT, INSERT ON directory_change TO editor;
CREATE POLICY public_or_network ON directory_change FOR SELECT TO app
    USING (NOT network OR (SELECT sec.in_network()));
CREATE POLICY editor_reads ON directory_change FOR SELECT TO editor
    USING ((SELECT sec.directory_editor()) IS NOT NULL);
CREATE POLICY editor_tells ON directory_change FOR INSERT TO editor
    WITH CHECK ((SELECT sec.directory_editor()) IS NOT NULL);

REVOKE ALL ON FUNCTION sec.edits(uuid), sec.organization_of(text, uuid), sec.edits_links(jsonb),
    sec.opened_address(), sec.begin_organization(jsonb, uuid), sec.lock_entries(uuid[], uuid[]),
    sec.answers_for_itself(), sec.renders(uuid, uuid), sec.may_render(uuid, uuid),
    sec.renders_its_own() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.edits(uuid), sec.organization_of(text, uuid),
    sec.edits_links(jsonb), sec.begin_organization(jsonb, uuid), sec.renders(uuid, uuid) TO editor;
GRANT EXECUTE ON FUNCTION sec.lock_entries(uuid[], uuid[]), sec.may_render(uuid, uuid)
    TO editor, jobs;
GRANT EXECUTE ON FUNCTION sec.opened_address() TO app;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.edits(uuid) OWNER TO gate;
ALTER FUNCTION sec.organization_of(text, uuid) OWNER TO gate;
ALTER FUNCTION sec.edits_links(jsonb) OWNER TO gate;
ALTER FUNCTION sec.opened_address() OWNER TO gate;
ALTER FUNCTION sec.begin_organization(jsonb, uuid) OWNER TO gate;
ALTER FUNCTION sec.lock_entries(uuid[], uuid[]) OWNER TO gate;
ALTER FUNCTION sec.renders(uuid, uuid) OWNER TO gate;
