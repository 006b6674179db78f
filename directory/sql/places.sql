-- Where a confidential place is, is not kept (design R4). Whatever code forgets, these hold:
-- a place is confidential as soon as a confidential service or organization is found there, what
-- tells where it is goes at that moment, and no address can be added afterwards.

CREATE FUNCTION directory_hide_places(places uuid[]) RETURNS void LANGUAGE sql AS $$
    UPDATE public.directory_location
       SET confidential = true, latitude = NULL, longitude = NULL, transportation = '',
           external_identifier = '', url = ''
     WHERE id = ANY (places) AND NOT confidential
$$;

CREATE FUNCTION directory_organization_hides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.directory_hide_places(ARRAY(
        SELECT l.id FROM public.directory_location l WHERE l.organization_id = NEW.id
        UNION
        SELECT x.location_id FROM public.directory_serviceatlocation x
          JOIN public.directory_service s ON s.id = x.service_id AND s.organization_id = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER hides AFTER INSERT OR UPDATE OF confidential ON directory_organization
    FOR EACH ROW WHEN (NEW.confidential) EXECUTE FUNCTION directory_organization_hides();

CREATE FUNCTION directory_service_hides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.directory_hide_places(ARRAY(
        SELECT location_id FROM public.directory_serviceatlocation WHERE service_id = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER hides AFTER UPDATE OF confidential ON directory_service
    FOR EACH ROW WHEN (NEW.confidential) EXECUTE FUNCTION directory_service_hides();

CREATE FUNCTION directory_link_hides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.directory_service s
                 JOIN public.directory_organization o ON o.id = s.organization_id
                WHERE s.id = NEW.service_id AND (s.confidential OR o.confidential)) THEN
        PERFORM public.directory_hide_places(ARRAY[NEW.location_id]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hides AFTER INSERT OR UPDATE ON directory_serviceatlocation
    FOR EACH ROW EXECUTE FUNCTION directory_link_hides();

CREATE FUNCTION directory_location_hides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.directory_address WHERE location_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER hides AFTER UPDATE OF confidential ON directory_location
    FOR EACH ROW WHEN (NEW.confidential AND NOT OLD.confidential)
    EXECUTE FUNCTION directory_location_hides();

-- The place is locked, so that it cannot become confidential while an address is being added.
CREATE FUNCTION directory_address_is_public() RETURNS trigger LANGUAGE plpgsql AS $$
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
    FOR EACH ROW EXECUTE FUNCTION directory_address_is_public();
