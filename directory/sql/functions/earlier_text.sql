-- as: definer
-- What edits replaced, sealed for the editors of the agency that made them (R4;
-- directory/editing/earlier_text.py). It may hold a street that is confidential since. So
-- it goes in the transaction that hides anything of its organization, for an editor, an import and
-- a recovery. An edit that commits at the same moment keeps nothing: both take lock 7027 of the
-- organization and of the places.

-- Whether everything that such a text is about is public now.
CREATE FUNCTION sec.is_public_text(organization uuid, entry uuid, named uuid[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.directory_organization o
                    WHERE o.id = organization AND NOT o.confidential)
       AND NOT EXISTS (SELECT FROM public.directory_service s
                        WHERE s.id = entry AND s.confidential)
       AND NOT EXISTS (SELECT FROM public.directory_location l
                        WHERE (l.id = entry OR l.id = ANY (named)) AND l.confidential);
END $$;

-- Whether an edit may keep what it replaced. False also while another transaction hides something
-- of it: to wait for that could be a deadlock. Volatile, so that it sees what was hidden just now.
CREATE FUNCTION sec.may_keep_earlier_text(organization uuid, entry uuid, named uuid[])
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    one uuid;
BEGIN
    FOREACH one IN ARRAY ARRAY[organization, entry] || named LOOP
        CONTINUE WHEN pg_try_advisory_xact_lock_shared(7027, hashtext(one::text));
        RETURN false;
    END LOOP;
    RETURN sec.is_public_text(organization, entry, named);
END $$;

-- What became confidential: every text of its organization goes, of all agencies, of the
-- organizations of the services at a place, and what names the place.
CREATE FUNCTION sec.erase_earlier_text() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    owners uuid[];
    one uuid;
BEGIN
    IF TG_OP = 'INSERT' THEN  -- an entry that was there before, under the same id
        owners := '{}';
    ELSIF TG_TABLE_NAME = 'directory_organization' THEN
        owners := ARRAY[NEW.id];
    ELSIF TG_TABLE_NAME = 'directory_service' THEN
        IF NOT NEW.confidential AND NOT EXISTS (
                SELECT FROM public.directory_organization o
                 WHERE o.id = NEW.organization_id AND o.confidential) THEN
            RETURN NULL;
        END IF;
        owners := ARRAY[OLD.organization_id, NEW.organization_id];
    ELSE
        owners := ARRAY(
            SELECT s.organization_id FROM public.directory_serviceatlocation x
              JOIN public.directory_service s ON s.id = x.service_id
             WHERE x.location_id = NEW.id) || ARRAY[NEW.part_of_id, NEW.organization_id];
    END IF;
    FOR one IN SELECT DISTINCT u.key FROM unnest(owners || NEW.id) u(key) ORDER BY u.key LOOP
        CONTINUE WHEN one IS NULL;
        PERFORM pg_advisory_xact_lock(7027, hashtext(one::text));
    END LOOP;
    DELETE FROM public.directory_earlier_text t
     WHERE t.organization_id = ANY (owners) OR t.row_id = NEW.id OR t.places @> ARRAY[NEW.id];
    RETURN NULL;
END $$;

-- What goes before its time also goes from the backups: the key that wrapped it ends (R14).
CREATE FUNCTION sec.end_keys_of_earlier_text() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.epoch_due AS e (agency_id, since)
    SELECT DISTINCT g.agency_id, sec.clock() FROM gone g
     WHERE g.kind = 'undo' OR g.ends_at > sec.clock()
    ON CONFLICT (agency_id) DO UPDATE SET since = excluded.since;
    RETURN NULL;
END $$;

-- One text, still sealed, for a directory editor of the agency that made it, if an access entry of
-- *this transaction* has opened its entry (R11). The agency must still edit the organization, and
-- what an edit replaced must still be of something public.
CREATE FUNCTION sec.earlier_text(text_id uuid) RETURNS TABLE (
    kind text, edit_id uuid, organization_id uuid, entity text, entry uuid, ends_at timestamptz,
    kek_version integer, key_bundle bytea, sealed bytea
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.client_id IS NULL AND 'directory_editor' = ANY (me.roles) THEN
        RETURN QUERY
        SELECT t.kind, t.edit_id, t.organization_id, t."table", t.row_id, t.ends_at,
               t.kek_version, t.key_bundle, t.sealed
          FROM public.directory_earlier_text t
         WHERE t.id = text_id AND t.agency_id = me.agency_id AND t.ends_at > sec.clock()
           AND sec.is_editor_of(t.organization_id)
           AND (t.kind = 'undo' OR sec.is_public_text(t.organization_id, t.row_id, t.places))
           AND EXISTS (
               SELECT FROM public.access_entry e
                WHERE e.xact = pg_current_xact_id_if_assigned()::text::bigint
                  AND e.at > sec.clock() - interval '1 hour'  -- prunes partitions
                  AND e.act = 'directory.earlier' AND e.decision = 'allowed'
                  AND e.directory_id = t.row_id AND e.agency_id = me.agency_id
                  AND e.member_id = me.member_id AND e.client_id IS NULL);
    END IF;
END $$;

-- Delete what has ended.
CREATE FUNCTION sec.end_earlier_texts() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.directory_earlier_text t WHERE t.ends_at <= sec.clock();
END $$;

REVOKE ALL ON FUNCTION sec.is_public_text(uuid, uuid, uuid[]),
    sec.may_keep_earlier_text(uuid, uuid, uuid[]), sec.erase_earlier_text(),
    sec.end_keys_of_earlier_text(), sec.earlier_text(uuid), sec.end_earlier_texts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.may_keep_earlier_text(uuid, uuid, uuid[]) TO editor;
GRANT EXECUTE ON FUNCTION sec.earlier_text(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.end_earlier_texts() TO jobs;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.erase_earlier_text(), sec.end_keys_of_earlier_text() TO owner;
