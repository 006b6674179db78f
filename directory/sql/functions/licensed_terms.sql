-- as: definer
-- Whose terms may be shown to their licensees alone (directory/licensed_terms.py).

-- The names of these sources. What else is said of sources, and which there are, stays closed.
CREATE FUNCTION sec.licensed_sources() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN ARRAY(SELECT s.name FROM public.directory_source s WHERE s.licensed);
END $$;

REVOKE ALL ON FUNCTION sec.licensed_sources() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.licensed_sources() TO app, editor;
