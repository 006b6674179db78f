-- as: definer
-- Who may change what of the directory: the second wall. A person who can change a phone number
-- here can send victims to their abusers, so the database judges an edit too. The role `editor`
-- writes rows of the organizations that the caller's agency edits, and they may refer only to rows
-- of such organizations. The default is to deny; conditions are positive, so that NULL (no token)
-- refuses. The first wall is directory/editing.

CREATE FUNCTION sec.is_editor_of(organization uuid)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.directory_editing e
                WHERE e.content_object_id = organization
                    AND e.agency_id = sec.directory_editor_agency_id()) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- The organization that a row belongs to, or NULL. `entity` is the standard's name of its table.
CREATE FUNCTION sec.organization_id_of(entity text, row_id uuid) RETURNS uuid
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

-- Whether everything that a row refers to belongs to organizations that the caller edits: otherwise
-- a phone number could appear in the entry of another organization's service. A parent
-- organization, a unit and a term are only named: nothing appears in their own entry.
CREATE FUNCTION sec.may_edit_links(row_of jsonb) RETURNS boolean
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
        CONTINUE WHEN sec.is_editor_of(sec.organization_id_of(link.entity, link.id));
        RETURN false;
    END LOOP;
    RETURN true;
END $$;

-- The confidential address that an access entry of *this transaction* has opened (R11), for a
-- member who may read it, as sec.current_opening does for a packet.
CREATE FUNCTION sec.opened_location_id() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
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

-- Insert an organization that the caller's agency edits from the start. Other than through `jobs`,
-- this is the only way to insert one and the only way to a right of editing.
CREATE FUNCTION sec.create_organization(row_of jsonb, editing_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    agency uuid := sec.directory_editor_agency_id();
BEGIN
    IF agency IS NULL THEN
        RAISE EXCEPTION 'not a directory editor' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM sec.require_reviewed('organization', (row_of->>'id')::uuid, (row_of->>'id')::uuid,
                                 ARRAY[row_of->>'name', coalesce(row_of->>'alternate_name', '')],
                                 NULL);
    INSERT INTO public.directory_organization
    SELECT * FROM jsonb_populate_record(
        NULL::public.directory_organization,
        row_of || '{"source": "", "external_id": "", "imported_at": null}');
    INSERT INTO public.auth_group (name) VALUES (agency::text) ON CONFLICT (name) DO NOTHING;
    INSERT INTO public.directory_editing (id, content_object_id, agency_id, group_id, permission_id)
    SELECT editing_id, (row_of->>'id')::uuid, agency, g.id, p.id
      FROM public.auth_group g, public.auth_permission p
     WHERE g.name = agency::text AND p.codename = 'edit_organization';
    IF NOT FOUND THEN  -- no one could ever correct the organization
        RAISE EXCEPTION 'no group may edit it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

-- An agency that left edits nothing more, for good: a return revives no right of editing.
CREATE FUNCTION sec.end_editing() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.directory_editing e WHERE e.agency_id = NEW.id;
    RETURN NULL;
END $$;

-- Lock the entries that rendering writes again, also another organization's service at a shared
-- place. Such a lock requires the right to change the row, so this runs as `definer`.
CREATE FUNCTION sec.lock_entries(organizations uuid[], services uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM public.directory_organization WHERE id = ANY (organizations)
      ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM public.directory_service WHERE id = ANY (services)
      ORDER BY id FOR NO KEY UPDATE;
END $$;

-- People phone by what a document says, so a trigger asks of it what policies ask of its sources;
-- the public projections can have no policy. Another organization's service at a place that it
-- shares with ours is rendered with it, and so is the organization that the place belongs to.
-- Editors cannot create such sharing: only an import lets a service be found at another's place. A
-- service that is hidden behind one of ours says so, and no longer once ours is confidential.
CREATE FUNCTION sec.may_editor_render(organization uuid, service uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF sec.is_editor_of(organization) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM public.directory_serviceatlocation x
                    JOIN public.directory_location l ON l.id = x.location_id
                   WHERE x.service_id = service
                     AND (sec.is_editor_of(l.part_of_id)
                          OR EXISTS (SELECT FROM public.directory_serviceatlocation y
                                      WHERE y.location_id = l.id
                                          AND sec.is_editor_of(y.part_of_id)))) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM public.directory_location l
                    JOIN public.directory_serviceatlocation y ON y.location_id = l.id
                   WHERE l.organization_id = organization AND sec.is_editor_of(y.part_of_id)) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM public.directory_duplicate d
                    JOIN public.directory_service s ON s.id = d.shown_id
                   WHERE d.hidden_id = service AND sec.is_editor_of(s.part_of_id)) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

REVOKE ALL ON FUNCTION sec.is_editor_of(uuid), sec.organization_id_of(text, uuid),
    sec.may_edit_links(jsonb), sec.opened_location_id(), sec.create_organization(jsonb, uuid),
    sec.end_editing(), sec.lock_entries(uuid[], uuid[]),
    sec.may_editor_render(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.is_editor_of(uuid), sec.organization_id_of(text, uuid),
    sec.may_edit_links(jsonb), sec.create_organization(jsonb, uuid),
    sec.may_editor_render(uuid, uuid) TO editor;
GRANT EXECUTE ON FUNCTION sec.opened_location_id() TO app;
GRANT EXECUTE ON FUNCTION sec.lock_entries(uuid[], uuid[]) TO editor, jobs;
-- The tables' owner needs it to create its trigger; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.end_editing() TO owner;
