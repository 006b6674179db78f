-- as: gate
-- `app` has no right to delete channels: it removes one through this function.

-- Delete a channel of the caller, or of the agency that the caller administers. Returns whether
-- there was one.
CREATE FUNCTION sec.remove_channel(which uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.channel c WHERE c.id = which
       AND (c.membership_id = sec.herself()
            OR (c.membership_id IS NULL AND c.agency_id = sec.administering()));
    RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION sec.remove_channel(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.remove_channel(uuid) TO app;
