-- as: definer
-- Where a postcode is, derived from public addresses.

-- Derive the center of each postcode from public addresses, to about a kilometer: for these codes,
-- or for all (NULL).
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

-- Remove a postcode's center, or derive it again, when an address that it was derived from is
-- hidden, removed or moved.
CREATE FUNCTION sec.refresh_postcodes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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

REVOKE ALL ON FUNCTION sec.derive_postcodes(text[]), sec.refresh_postcodes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.derive_postcodes(text[]) TO jobs;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.refresh_postcodes() TO owner;
