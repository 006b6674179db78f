-- as: definer
-- `app` has no right to delete channels or to call one proven: it does so through these functions.

-- Delete a channel of the caller, or of the agency that the caller administers. Returns whether
-- there was one.
CREATE FUNCTION sec.remove_channel(channel uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    DELETE FROM public.channel c WHERE c.id = channel
       AND (c.membership_id = sec.current_member_id()
            OR (c.membership_id IS NULL AND c.agency_id = sec.administrator_agency_id()));
    RETURN FOUND;
END $$;

-- Compare a code with the one that was sent to the channel, at most five times. Returns `proven`,
-- `wrong`, or `none`: no code is in force there, or the caller does not manage the channel. A wrong
-- code counts, so the transaction has to commit.
CREATE FUNCTION sec.prove_channel(channel uuid, given text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    sent text;
BEGIN
    UPDATE public.channel_code k SET tries = k.tries + 1
      FROM public.channel c
     WHERE k.channel_id = channel AND c.id = channel AND k.tries < 5 AND k.ends_at > sec.clock()
       AND (c.membership_id = sec.current_member_id()
            OR (c.membership_id IS NULL AND c.agency_id = sec.administrator_agency_id()))
    RETURNING k.code INTO sent;
    IF sent IS NULL THEN
        RETURN 'none';
    ELSIF sent IS DISTINCT FROM given THEN
        RETURN 'wrong';
    END IF;
    UPDATE public.channel c SET proven_at = sec.clock() WHERE c.id = channel;
    DELETE FROM public.channel_code k WHERE k.channel_id = channel;
    RETURN 'proven';
END $$;

-- Where the link of a reset may go: the member's own channels that they proved 72 hours ago or
-- longer. No one else can change those, and a channel of today does not help who stole a phone.
CREATE FUNCTION sec.reset_channels(member uuid)
RETURNS TABLE (kind text, address text, language text)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT c.kind, c.address, c.language FROM public.channel c
     WHERE c.membership_id = member AND c.use = 'own' AND c.kind IN ('mail', 'sms')
       AND c.proven_at <= sec.clock() - interval '72 hours'
     ORDER BY c.position, c.created_at, c.id
$$;

REVOKE ALL ON FUNCTION sec.reset_channels(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.reset_channels(uuid) TO signin;

REVOKE ALL ON FUNCTION sec.remove_channel(uuid), sec.prove_channel(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.remove_channel(uuid), sec.prove_channel(uuid, text) TO app;
