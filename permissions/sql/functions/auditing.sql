-- as: gate
-- Who reads the log besides an agency's own auditor, and what all auditors may ask of it: where a
-- referral was listed, and counts. For questions about the seals see seal_review.sql.

-- The caller's agency, if the caller is its auditor and it oversees the network.
CREATE FUNCTION sec.overseeing() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a
                WHERE a.id = mine AND a.kind = 'oversight') THEN
        RETURN mine;
    END IF;
    RETURN NULL;
END $$;

-- Whether an agency may receive an opt-in: it is an active oversight agency.
CREATE FUNCTION sec.oversees(agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.permissions_agency a
                    WHERE a.id = agency AND a.kind = 'oversight' AND a.active);
END $$;

-- The agencies whose entries the caller may read now because they opted in.
CREATE FUNCTION sec.opted_in() RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.overseeing();
BEGIN
    RETURN ARRAY(SELECT o.agency_id FROM public.log_opt_in o
                  WHERE o.to_agency_id = mine AND o.withdrawn_at IS NULL
                    AND o.ends_at > sec.clock());
END $$;

-- How often each opt-in was used to read entries, and when last. The agency that gave it and the
-- agency that uses it see these numbers, but not who read.
CREATE FUNCTION sec.opt_in_reads() RETURNS TABLE (opt_in uuid, times bigint, last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := coalesce(sec.administering(), sec.auditing());
BEGIN
    RETURN QUERY
    SELECT o.id, count(*), max(e.at)
      FROM public.log_opt_in o
      JOIN public.access_entry e ON e.rule = 'opt_in' AND e.release_id = o.id
     WHERE mine IN (o.agency_id, o.to_agency_id)
     GROUP BY o.id;
END $$;

-- The reader: a member, or a client that names no staff.
CREATE FUNCTION sec.reader() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN coalesce(me.member_id, me.client_id);
END $$;

-- Whether an entry concerns a referral that bars the reader (R12) and records someone else's act.
-- `hidden`: sec.barred_from() of referrals/sql/functions/blocks.sql. The policy but_what_bars_her
-- repeats this condition: with sub-selects as arguments the function would not be inlined and would
-- be called for each row.
CREATE FUNCTION sec.kept_from(herself uuid, hidden uuid[], e access_entry) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (coalesce(e.member_id, e.client_id) = herself) IS NOT TRUE
       AND ((e.referral_id = ANY (hidden)) IS TRUE OR (e.referral_ids && hidden) IS TRUE)
$$;

-- Whose lists contained a referral, in the caller's own agency, and by which act. A row without a
-- member or client is what was sent to the agency's webhooks. A list is one entry with all its ids,
-- and under a policy a search in an array reads every row.
CREATE FUNCTION sec.listings(r uuid)
RETURNS TABLE (member_id uuid, client_id uuid, act text, times bigint, first_at timestamptz,
               last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
    hidden uuid[] := sec.barred_from();
BEGIN
    RETURN QUERY
    SELECT e.member_id, e.client_id, e.act, count(*), min(e.at), max(e.at)
      FROM public.access_entry e
     WHERE e.referral_ids @> ARRAY[r] AND e.agency_id = mine AND NOT r = ANY (hidden)
     GROUP BY e.member_id, e.client_id, e.act
     ORDER BY max(e.at) DESC, e.member_id, e.client_id, e.act;
END $$;

-- Names of the partner systems of the caller's own agency, whose entries have only their ids.
CREATE FUNCTION sec.systems() RETURNS TABLE (client_id uuid, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
BEGIN
    RETURN QUERY
    SELECT k.id, k.name::text FROM public.permissions_client k WHERE k.agency_id = mine;
END $$;

-- Count entries of each kind: the caller's own agency's; for an oversight auditor, every agency's
-- and those of unidentified callers. Only numbers are returned. Entries that the log hides from a
-- caller whom a referral bars (R12) are not counted, because a difference would reveal them.
CREATE FUNCTION sec.log_counts(since timestamptz, until timestamptz)
RETURNS TABLE (agency_id uuid, act text, decision text, rule text, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditing();
    network boolean := sec.overseeing() IS NOT NULL;
    hidden uuid[] := sec.barred_from();
    herself uuid := sec.reader();
BEGIN
    IF mine IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT e.agency_id, e.act, e.decision, CASE WHEN e.decision = 'refused' THEN e.rule END,
           count(*)
      FROM public.access_entry e
     WHERE e.at >= since AND e.at < until AND (network OR e.agency_id = mine)
       AND NOT sec.kept_from(herself, hidden, e)
     GROUP BY 1, 2, 3, 4 ORDER BY 1 NULLS LAST, 2, 3, 4;
END $$;

REVOKE ALL ON FUNCTION sec.overseeing(), sec.oversees(uuid), sec.opted_in(), sec.opt_in_reads(),
    sec.reader(), sec.kept_from(uuid, uuid[], access_entry), sec.listings(uuid), sec.systems(),
    sec.log_counts(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.overseeing(), sec.opted_in(), sec.reader(), sec.listings(uuid),
    sec.systems(), sec.log_counts(timestamptz, timestamptz) TO auditor;
GRANT EXECUTE ON FUNCTION sec.oversees(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.opt_in_reads() TO app, auditor;
