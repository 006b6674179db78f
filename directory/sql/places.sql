-- Where a confidential place is, is not kept (design R4). Whatever code forgets, these hold:
-- a place is confidential as soon as a confidential service or organization is found there, what
-- tells where it is goes at that moment, and no address can be added afterwards.
-- Owned by `gate`: whoever writes, no place is passed over because its row is another's.

GRANT SELECT, UPDATE ON directory_location TO gate;
GRANT SELECT, DELETE ON directory_address, directory_metadata, directory_attribute,
    directory_quarantine TO gate;
CREATE POLICY gate_hides ON directory_location FOR UPDATE TO gate
    USING (true) WITH CHECK (confidential);
CREATE POLICY gate_hides ON directory_address FOR DELETE TO gate USING (true);
CREATE POLICY gate_hides ON directory_metadata FOR DELETE TO gate USING (true);
CREATE POLICY gate_hides ON directory_attribute FOR DELETE TO gate USING (true);
CREATE POLICY gate_hides ON directory_quarantine FOR DELETE TO gate USING (true);
GRANT SELECT, INSERT, DELETE ON directory_postcode TO gate;

CREATE FUNCTION sec.hide_places(places uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    -- Whoever shows one of them is waited for, and sees what hides it, or has it hidden again.
    PERFORM FROM public.directory_location WHERE id = ANY (places) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.directory_location
       SET confidential = true, latitude = NULL, longitude = NULL, transportation = '',
           external_identifier = '', url = ''
     WHERE id = ANY (places) AND NOT confidential;
END $$;

CREATE FUNCTION sec.organization_hides() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM sec.hide_places(ARRAY(
        SELECT l.id FROM public.directory_location l WHERE l.organization_id = NEW.id
        UNION
        SELECT x.location_id FROM public.directory_serviceatlocation x
          JOIN public.directory_service s ON s.id = x.service_id AND s.organization_id = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER hides AFTER INSERT OR UPDATE OF confidential ON directory_organization
    FOR EACH ROW WHEN (NEW.confidential) EXECUTE FUNCTION sec.organization_hides();

CREATE FUNCTION sec.service_hides() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.confidential OR EXISTS (SELECT FROM public.directory_organization o
                                    WHERE o.id = NEW.organization_id AND o.confidential) THEN
        PERFORM sec.hide_places(ARRAY(
            SELECT location_id FROM public.directory_serviceatlocation WHERE service_id = NEW.id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hides AFTER UPDATE OF confidential, organization_id ON directory_service
    FOR EACH ROW WHEN (NEW.confidential OR NEW.organization_id <> OLD.organization_id)
    EXECUTE FUNCTION sec.service_hides();

-- Whether something confidential is found at a place, or it is a confidential organization's.
CREATE FUNCTION sec.hides_a_secret(place uuid, organization uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.directory_organization o
                    WHERE o.id = organization AND o.confidential)
        OR EXISTS (SELECT FROM public.directory_serviceatlocation x
                     JOIN public.directory_service s ON s.id = x.service_id
                     JOIN public.directory_organization o ON o.id = s.organization_id
                    WHERE x.location_id = place AND (s.confidential OR o.confidential));
END $$;

CREATE FUNCTION sec.link_hides() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    -- Whoever makes them confidential waits for this link, and finds it; or is waited for.
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
CREATE TRIGGER hides AFTER INSERT OR UPDATE ON directory_serviceatlocation
    FOR EACH ROW EXECUTE FUNCTION sec.link_hides();

-- A postcode as it is compared (directory/rendering/rows.py), and its middle: of public addresses,
-- rounded to a kilometre. Of these codes, or (NULL) of all.
CREATE FUNCTION sec.postcode(written text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN code ~ '^[0-9]{5}-?[0-9]{4}$' THEN left(code, 5) ELSE code END
      FROM (SELECT upper(regexp_replace(written, '\s', '', 'g')) AS code) plain
$$;
CREATE INDEX address_by_postcode ON directory_address (sec.postcode(postal_code));
CREATE FUNCTION sec.derive_postcodes(codes text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.directory_postcode
     WHERE derived AND (codes IS NULL OR postcode = ANY (codes));
    INSERT INTO public.directory_postcode (postcode, latitude, longitude, derived)
    SELECT sec.postcode(a.postal_code), round(avg(l.latitude)::numeric, 2),
           round(avg(l.longitude)::numeric, 2), true
      FROM public.directory_address a JOIN public.directory_location l ON l.id = a.location_id
     WHERE NOT l.confidential AND l.latitude BETWEEN -90 AND 90
       AND l.longitude BETWEEN -180 AND 180 AND sec.postcode(a.postal_code) <> ''
       AND (codes IS NULL OR sec.postcode(a.postal_code) = ANY (codes))
     GROUP BY 1
    ON CONFLICT DO NOTHING;
END $$;

-- The middle of a postcode goes, or is made anew, with an address that it was made of: the place is
-- hidden, removed, or elsewhere now.
CREATE FUNCTION sec.address_leaves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    codes text[] := ARRAY(SELECT p.postcode FROM public.directory_postcode p
                           WHERE p.derived AND p.postcode IN (
                                 SELECT sec.postcode(o.postal_code) FROM gone o));
BEGIN
    IF codes <> '{}' THEN
        PERFORM sec.derive_postcodes(codes);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER leaves AFTER DELETE ON directory_address REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sec.address_leaves();
CREATE TRIGGER moves AFTER UPDATE ON directory_address REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sec.address_leaves();

-- With the address go its history, which has old words, and that of whatever is found there; what
-- waits in quarantine of the place; its key in the source.
CREATE FUNCTION sec.location_hides() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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
     WHERE q.source = NEW.source AND (
           q.row ->> 'id' IN (NEW.id::text, nullif(OLD.external_id, ''))
        OR q.row ->> 'location_id' IN (NEW.id::text, nullif(OLD.external_id, '')));
    RETURN NULL;
END $$;
CREATE FUNCTION sec.location_loses_its_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.external_id := '';
    NEW.external_identifier_type := '';
    RETURN NEW;
END $$;
CREATE TRIGGER loses_its_key BEFORE UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.location_loses_its_key();
CREATE TRIGGER hides AFTER UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION sec.location_hides();

-- A new place of a confidential organization is one from its first moment.
CREATE FUNCTION sec.begins_hidden() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF sec.hides_a_secret(NEW.id, NEW.organization_id) THEN
        NEW.confidential := true;
        NEW.latitude := NULL;
        NEW.longitude := NULL;
        NEW.transportation := '';
        NEW.external_identifier := '';
        NEW.url := '';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER begins_hidden BEFORE INSERT ON directory_location
    FOR EACH ROW WHEN (NOT NEW.confidential) EXECUTE FUNCTION sec.begins_hidden();

-- A place that goes to a confidential organization.
CREATE FUNCTION sec.place_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF sec.hides_a_secret(NEW.id, NEW.organization_id) THEN
        PERFORM sec.hide_places(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER moves AFTER UPDATE OF organization_id ON directory_location
    FOR EACH ROW WHEN (NOT NEW.confidential
                       AND NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    EXECUTE FUNCTION sec.place_moves();

-- A place may be public again once nothing confidential is found there: judged at the commit, since
-- it and the services there may change in one transaction. What its agency had sealed goes.
CREATE FUNCTION sec.stays_hidden() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    owner uuid;
BEGIN
    SELECT l.organization_id INTO owner
      FROM public.directory_location l WHERE l.id = NEW.id AND NOT l.confidential;
    IF NOT FOUND THEN  -- hidden again, or removed
        RETURN NULL;
    ELSIF sec.hides_a_secret(NEW.id, owner) THEN
        RAISE EXCEPTION 'something confidential is found at this place'
            USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM public.directory_confidential_address WHERE location_id = NEW.id;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER stays_hidden AFTER UPDATE OF confidential ON directory_location
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.confidential AND NOT NEW.confidential)
    EXECUTE FUNCTION sec.stays_hidden();

-- The place is locked, so that it cannot become confidential while an address is being added.
CREATE FUNCTION sec.address_is_public() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM public.directory_location WHERE id = NEW.location_id AND NOT confidential
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the address of a confidential place is not stored'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_public BEFORE INSERT OR UPDATE ON directory_address
    FOR EACH ROW EXECUTE FUNCTION sec.address_is_public();

REVOKE ALL ON FUNCTION sec.hide_places(uuid[]), sec.organization_hides(), sec.service_hides(),
    sec.hides_a_secret(uuid, uuid), sec.link_hides(), sec.location_hides(), sec.begins_hidden(),
    sec.place_moves(), sec.stays_hidden(), sec.address_is_public(), sec.postcode(text),
    sec.derive_postcodes(text[]), sec.location_loses_its_key(), sec.address_leaves() FROM PUBLIC;
-- An index asks it: whoever writes, and `owner`, whose it stays, at every ANALYZE.
GRANT EXECUTE ON FUNCTION sec.postcode(text) TO editor, jobs, gate;
GRANT EXECUTE ON FUNCTION sec.derive_postcodes(text[]) TO jobs;
ALTER FUNCTION sec.hide_places(uuid[]) OWNER TO gate;
ALTER FUNCTION sec.organization_hides() OWNER TO gate;
ALTER FUNCTION sec.service_hides() OWNER TO gate;
ALTER FUNCTION sec.hides_a_secret(uuid, uuid) OWNER TO gate;
ALTER FUNCTION sec.link_hides() OWNER TO gate;
ALTER FUNCTION sec.location_hides() OWNER TO gate;
ALTER FUNCTION sec.begins_hidden() OWNER TO gate;
ALTER FUNCTION sec.place_moves() OWNER TO gate;
ALTER FUNCTION sec.stays_hidden() OWNER TO gate;
ALTER FUNCTION sec.address_is_public() OWNER TO gate;
ALTER FUNCTION sec.address_leaves() OWNER TO gate;
ALTER FUNCTION sec.derive_postcodes(text[]) OWNER TO gate;
