-- as: definer
-- The location of a confidential place is not kept (R4). These triggers ensure that even if other
-- code forgets it. A place becomes confidential as soon as a confidential service or organization
-- is found there; what shows where it is goes at that moment; no address can be added afterwards.
-- They run as `definer`, so that they skip no place whose row belongs to another organization.

-- Make these places confidential.
CREATE FUNCTION sec.hide_places(places uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    -- This waits for any transaction that links one of them. That one then sees the marker, or its
    -- trigger hides the place again.
    PERFORM FROM public.directory_location WHERE id = ANY (places) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.directory_location
       SET confidential = true, latitude = NULL, longitude = NULL, transportation = '',
           external_identifier = '', url = ''
     WHERE id = ANY (places) AND NOT confidential;
END $$;

CREATE FUNCTION sec.hide_organization_places()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM sec.hide_places(ARRAY(
        SELECT l.id FROM public.directory_location l WHERE l.organization_id = NEW.id
        UNION
        SELECT x.location_id FROM public.directory_serviceatlocation x
          JOIN public.directory_service s ON s.id = x.service_id AND s.organization_id = NEW.id));
    RETURN NULL;
END $$;

CREATE FUNCTION sec.hide_service_places() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.confidential OR EXISTS (SELECT FROM public.directory_organization o
                                    WHERE o.id = NEW.organization_id AND o.confidential) THEN
        PERFORM sec.hide_places(ARRAY(
            SELECT location_id FROM public.directory_serviceatlocation WHERE service_id = NEW.id));
    END IF;
    RETURN NULL;
END $$;

-- Whether something confidential is found at a place, or a confidential organization owns it.
CREATE FUNCTION sec.must_be_confidential(place uuid, organization uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.directory_organization o
                    WHERE o.id = organization AND o.confidential)
        OR EXISTS (SELECT FROM public.directory_serviceatlocation x
                     JOIN public.directory_service s ON s.id = x.service_id
                     JOIN public.directory_organization o ON o.id = s.organization_id
                    WHERE x.location_id = place AND (s.confidential OR o.confidential));
END $$;

CREATE FUNCTION sec.hide_linked_place() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    -- A transaction that makes them confidential waits for this link and finds it, or this link
    -- waits for that transaction.
    PERFORM FROM public.directory_organization o WHERE o.id =
        (SELECT s.organization_id FROM public.directory_service s WHERE s.id = NEW.service_id)
        FOR SHARE;
    PERFORM FROM public.directory_service s WHERE s.id = NEW.service_id FOR SHARE;
    IF EXISTS (SELECT FROM public.directory_service s
                 JOIN public.directory_organization o ON o.id = s.organization_id
                WHERE s.id = NEW.service_id AND (s.confidential OR o.confidential)) THEN
        PERFORM sec.hide_places(ARRAY[NEW.location_id]);
    END IF;
    RETURN NULL;
END $$;

-- Remove with the address its history, which has old words, the history of everything found there,
-- and the place's rows in quarantine. sec.clear_location_key removes its key in the source.
CREATE FUNCTION sec.erase_hidden_location() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    parts uuid[] := ARRAY(SELECT id FROM public.directory_address WHERE location_id = NEW.id);
    links uuid[] := ARRAY(SELECT id FROM public.directory_serviceatlocation
                           WHERE location_id = NEW.id);
    part text;
    more uuid[];
BEGIN
    DELETE FROM public.directory_attribute WHERE link_id = ANY (parts);
    parts := parts || links || NEW.id;
    FOREACH part IN ARRAY ARRAY['contact', 'phone', 'schedule', 'holidayschedule', 'language',
                                'accessibility', 'servicearea'] LOOP
        IF part <> 'servicearea' THEN
            EXECUTE format('SELECT array_agg(id) FROM public.directory_%s WHERE location_id = $1',
                           part) INTO more USING NEW.id;
            parts := parts || more;
        END IF;
        CONTINUE WHEN part IN ('language', 'accessibility');
        EXECUTE format('SELECT array_agg(id) FROM public.directory_%s'
                       ' WHERE service_at_location_id = ANY ($1)', part) INTO more USING links;
        parts := parts || more;
    END LOOP;
    DELETE FROM public.directory_metadata WHERE resource_id = ANY (parts);
    DELETE FROM public.directory_address WHERE location_id = NEW.id;
    DELETE FROM public.directory_quarantine q
     WHERE q.source = NEW.source AND EXISTS (
           SELECT FROM (VALUES (q.row), (q.corrected)) AS told (said)
            WHERE said ->> 'id' IN (NEW.id::text, nullif(OLD.external_id, ''))
               OR said ->> 'location_id' IN (NEW.id::text, nullif(OLD.external_id, ''))
               OR OLD.external_id IN (
                        'organization-' || (said ->> 'organization_id') || '-postal',
                        'organization-' || (said ->> 'organization_id') || '-physical')
           );
    RETURN NULL;
END $$;

-- A new place of a confidential organization is confidential from the start.
CREATE FUNCTION sec.hide_new_location() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF sec.must_be_confidential(NEW.id, NEW.organization_id) THEN
        NEW.confidential := true;
        NEW.latitude := NULL;
        NEW.longitude := NULL;
        NEW.transportation := '';
        NEW.external_identifier := '';
        NEW.url := '';
    END IF;
    RETURN NEW;
END $$;

-- A place that moves to a confidential organization becomes confidential.
CREATE FUNCTION sec.hide_moved_location() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF sec.must_be_confidential(NEW.id, NEW.organization_id) THEN
        PERFORM sec.hide_places(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END $$;

-- A place may become public again once nothing confidential is found there. This is checked at the
-- commit, since the place and its services may change in one transaction. The encrypted address is
-- deleted.
CREATE FUNCTION sec.check_location_may_show()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    owner uuid;
BEGIN
    SELECT l.organization_id INTO owner
      FROM public.directory_location l WHERE l.id = NEW.id AND NOT l.confidential;
    IF NOT FOUND THEN  -- hidden again, or removed
        RETURN NULL;
    ELSIF sec.must_be_confidential(NEW.id, owner) THEN
        RAISE EXCEPTION 'something confidential is found at this place'
            USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM public.directory_confidential_address WHERE location_id = NEW.id;
    RETURN NULL;
END $$;

-- Lock the place, so that it cannot become confidential while an address is being added.
CREATE FUNCTION sec.require_public_location()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM public.directory_location WHERE id = NEW.location_id AND NOT confidential
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the address of a confidential place is not stored'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION sec.hide_places(uuid[]), sec.hide_organization_places(),
    sec.hide_service_places(), sec.must_be_confidential(uuid, uuid), sec.hide_linked_place(),
    sec.erase_hidden_location(), sec.hide_new_location(), sec.hide_moved_location(),
    sec.check_location_may_show(), sec.require_public_location() FROM PUBLIC;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.hide_organization_places(), sec.hide_service_places(),
    sec.hide_linked_place(), sec.erase_hidden_location(), sec.hide_new_location(),
    sec.hide_moved_location(), sec.check_location_may_show(),
    sec.require_public_location() TO owner;
