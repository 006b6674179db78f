-- as: gate
-- Channels: `app` deletes no row by itself.

-- `app` deletes nothing by itself; a number that is taken off is gone.
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
