-- as: definer

-- What an agency's own log says of one referral, for the survivor's accounting (45 CFR 164.528):
-- the entries of its own members and partner systems, list pages included. It opens as the notes
-- do: to an assigned member, by an entry of this transaction (R11). The acts named in `singly`, and
-- those with a reason, have a row each; the others are counted by who and what.
CREATE FUNCTION sec.accounting(referral uuid, singly text[])
RETURNS TABLE (act text, times bigint, first timestamptz, last timestamptz, member_id uuid,
               client text, purpose text, fields text[], release_id uuid, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.caseworker_agency_id();
BEGIN
    IF referral = sec.opened_notes_referral_id() THEN
        RETURN QUERY
        SELECT e.act, count(*), min(e.at), max(e.at), e.member_id, k.name::text, e.purpose,
               e.fields, e.release_id, e.rule
          FROM public.access_entry e
          LEFT JOIN public.permissions_client k ON k.id = e.client_id
         WHERE e.agency_id = mine AND e.decision = 'allowed'
           AND (e.referral_id = referral OR e.referral_ids @> ARRAY[referral])
         GROUP BY e.act, e.member_id, k.name, e.purpose, e.fields, e.release_id, e.rule,
                  CASE WHEN e.act = ANY (singly) OR e.rule IS NOT NULL THEN e.id END
         ORDER BY min(e.at), e.act;
    END IF;
END $$;

REVOKE ALL ON FUNCTION sec.accounting(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.accounting(uuid, text[]) TO app;
