-- as: definer
-- What barred people tried (R12).

-- The alert: requests for a referral by those whom a block of the caller's side has barred since it
-- was set. They were answered as for a random id. It reads refusals in the access log, so that a
-- refusal writes the same with and without a block. Members of another agency are not named. A
-- caller who was let in again does not see what shows that they were barred.
--
-- A person's requests for one referral are one row, however often they asked, so that they do not
-- push those of others off the page. The newest row comes first; a page goes on after the last
-- `at` and `id`.
CREATE FUNCTION sec.blocked_attempts(
    before_at timestamptz DEFAULT NULL, before_id uuid DEFAULT NULL, most int DEFAULT 100
)
RETURNS TABLE (id uuid, at timestamptz, referral_id uuid, reference text, act text, member_id uuid,
               first_at timestamptz, times bigint, acts text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.caseworker_agency_id();
    me sec.identity := sec.identity();
BEGIN
    RETURN QUERY
    SELECT folded.* FROM (
        SELECT (array_agg(one.id ORDER BY one.at DESC, one.id DESC))[1] AS last_id,
               max(one.at) AS last_at, one.referral_id, one.reference,
               (array_agg(one.act ORDER BY one.at DESC, one.id DESC))[1], one.member_id,
               min(one.at), count(*), array_agg(DISTINCT one.act ORDER BY one.act)
          FROM (
            SELECT DISTINCT ON (e.at, e.id) e.id, e.at, f.id AS referral_id, f.reference, e.act,
                   CASE WHEN e.agency_id = mine THEN e.member_id END AS member_id
              FROM public.conflict_block b
              JOIN public.referral f ON f.id = b.referral_id
              JOIN public.access_entry e ON e.referral_id = b.referral_id AND e.at >= b.set_at
              LEFT JOIN public.permissions_membership m ON m.id = e.member_id
             WHERE b.agency_id = mine AND sec.is_responsible_for(b.referral_id)
               AND e.decision = 'refused' AND e.rule IN ('not_found', 'policy')
               AND (b.lifted_at IS NULL OR e.at < b.lifted_at)
               -- A refused lead whom `leads_only` lets in was refused because their side was purged
               -- (R2).
               AND sec.does_block_apply(b, e.agency_id, m.person_id, 'lead' = ANY (m.roles))
               AND m.person_id IS DISTINCT FROM me.person_id
               AND NOT sec.does_block_apply(b, mine, me.person_id, 'lead' = ANY (me.roles))) one
         GROUP BY one.referral_id, one.reference, one.member_id) folded
     WHERE before_at IS NULL OR (folded.last_at, folded.last_id) < (before_at, before_id)
     ORDER BY folded.last_at DESC, folded.last_id DESC LIMIT most;
END $$;

REVOKE ALL ON FUNCTION sec.blocked_attempts(timestamptz, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.blocked_attempts(timestamptz, uuid, int) TO app;
