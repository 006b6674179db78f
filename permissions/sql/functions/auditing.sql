-- as: definer
-- Who reads the log besides an agency's own auditor, and what all auditors may ask of it: where a
-- referral was listed, and counts. For questions about the seals see seal_review.sql.

-- The caller's agency, if the caller is its auditor and it oversees the network.
CREATE FUNCTION sec.oversight_agency_id()
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
BEGIN
    IF EXISTS (SELECT FROM public.permissions_agency a
                WHERE a.id = mine AND a.kind = 'oversight') THEN
        RETURN mine;
    END IF;
    RETURN NULL;
END $$;

-- Whether an agency may receive an opt-in: it is an active oversight agency.
CREATE FUNCTION sec.is_oversight_agency(agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.permissions_agency a
                    WHERE a.id = agency AND a.kind = 'oversight' AND a.active);
END $$;

-- The agencies whose entries the caller may read now because they opted in.
CREATE FUNCTION sec.opted_in_agency_ids()
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.oversight_agency_id();
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
    mine uuid := coalesce(sec.administrator_agency_id(), sec.auditor_agency_id());
BEGIN
    RETURN QUERY
    SELECT o.id, count(*), max(e.at)
      FROM public.log_opt_in o
      JOIN public.access_entry e ON e.rule = 'opt_in' AND e.release_id = o.id
     WHERE mine IN (o.agency_id, o.to_agency_id)
     GROUP BY o.id;
END $$;

-- The reader: a member, or a client that names no staff.
CREATE FUNCTION sec.current_actor_id() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN coalesce(me.member_id, me.client_id);
END $$;

-- Whether an entry concerns a referral that bars the reader (R12) and records someone else's act.
-- `hidden`: sec.blocked_referral_ids() of referrals/sql/functions/blocks.sql. The policy
-- but_what_bars_her repeats this condition: with sub-selects as arguments the function would not be
-- inlined and would be called for each row.
CREATE FUNCTION sec.is_hidden_from_auditor(actor_id uuid, hidden uuid[], e access_entry)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (coalesce(e.member_id, e.client_id) = actor_id) IS NOT TRUE
       AND ((e.referral_id = ANY (hidden)) IS TRUE OR (e.referral_ids && hidden) IS TRUE)
$$;

-- Whose lists contained a referral, in the caller's own agency, and by which act. A row without a
-- member or client is what was sent to the agency's webhooks. A list is one entry with all its ids,
-- and under a policy a search in an array reads every row.
CREATE FUNCTION sec.referral_listings(referral uuid)
RETURNS TABLE (member_id uuid, client_id uuid, act text, times bigint, first_at timestamptz,
               last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
    hidden uuid[] := sec.blocked_referral_ids();
BEGIN
    RETURN QUERY
    SELECT e.member_id, e.client_id, e.act, count(*), min(e.at), max(e.at)
      FROM public.access_entry e
     WHERE e.referral_ids @> ARRAY[referral] AND e.agency_id = mine AND NOT referral = ANY (hidden)
     GROUP BY e.member_id, e.client_id, e.act
     ORDER BY max(e.at) DESC, e.member_id, e.client_id, e.act;
END $$;

-- Names of the partner systems of the caller's own agency, whose entries have only their ids.
CREATE FUNCTION sec.client_names() RETURNS TABLE (client_id uuid, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
BEGIN
    RETURN QUERY
    SELECT k.id, k.name::text FROM public.permissions_client k WHERE k.agency_id = mine;
END $$;

-- A count of another agency as it is shown: at least this many, and fewer than ten more. Rounded
-- down to a multiple of five, and by half of the lots by five more, except where it would be the
-- last one that is shown so. The lot is an id that only the log has. So there is always room for
-- one more: with all other figures that one may read, too, no one can work a small number out
-- (ADR 0144).
CREATE FUNCTION sec.blurred(number bigint, lot text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT number / 5 * 5
         - CASE WHEN number >= 5 AND number % 5 < 4 AND hashtextextended(lot, 0) % 2 = 0
                THEN 5 ELSE 0 END
$$;

-- Count entries of each kind: the caller's own agency's; for an oversight auditor, every agency's
-- and those of unidentified callers. Only numbers are returned. Entries that the log hides from a
-- caller whom a referral bars (R12) are not counted, because a difference would reveal them.
--
-- Another agency's counts are blurred, so that neither a small number nor the difference of two
-- answers says that one act was done. Refusals of unknown callers that
-- have no row of their own are counted as the rows state them (sec.enter_refusal).
CREATE FUNCTION sec.log_counts(since timestamptz, until timestamptz)
RETURNS TABLE (agency_id uuid, act text, decision text, rule text, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
    network boolean := sec.oversight_agency_id() IS NOT NULL;
    hidden uuid[] := sec.blocked_referral_ids();
    actor_id uuid := sec.current_actor_id();
BEGIN
    IF mine IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT one.agency_id, one.act, one.decision, one.rule,
           CASE WHEN one.agency_id <> mine
                THEN sec.blurred(sum(one.times)::bigint, max(one.id::text))
                ELSE sum(one.times)::bigint END
      FROM (
        SELECT e.agency_id, e.act, e.decision,
               CASE WHEN e.decision = 'refused' THEN e.rule END AS rule, 1::bigint AS times,
               e.fields, e.id
          FROM public.access_entry e
         WHERE e.at >= since AND e.at < until AND (network OR e.agency_id = mine)
           -- what others did is counted once it is over: a count that grows says when it grew
           AND (e.agency_id = mine OR e.decision = 'refused' OR until <= sec.clock())
           AND (e.agency_id IS NULL  -- practice is not counted
                OR EXISTS (SELECT FROM public.permissions_agency p
                            WHERE p.id = e.agency_id AND p.exercise_id IS NULL))
           AND NOT sec.is_hidden_from_auditor(actor_id, hidden, e)
      ) row_
     CROSS JOIN LATERAL (
        SELECT row_.agency_id, row_.act, row_.decision, row_.rule, row_.times, row_.id
        UNION ALL
        SELECT row_.agency_id, split_part(f, ':', 1) || '.' || split_part(f, ':', 2), 'refused',
               split_part(f, ':', 3), split_part(f, ':', 4)::bigint, row_.id
          FROM unnest(row_.fields) f
         WHERE row_.decision = 'refused'
           AND f ~ '^[a-z_]+:[a-z_]+:[a-z][a-z0-9_]*:[0-9]{1,15}$'
      ) one
     GROUP BY 1, 2, 3, 4 ORDER BY 1 NULLS LAST, 2, 3, 4;
END $$;

REVOKE ALL ON FUNCTION sec.blurred(bigint, text),
    sec.oversight_agency_id(), sec.is_oversight_agency(uuid),
    sec.opted_in_agency_ids(), sec.opt_in_reads(), sec.current_actor_id(),
    sec.is_hidden_from_auditor(uuid, uuid[], access_entry), sec.referral_listings(uuid),
    sec.client_names(), sec.log_counts(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.oversight_agency_id(), sec.opted_in_agency_ids(),
    sec.current_actor_id(), sec.referral_listings(uuid), sec.client_names(),
    sec.log_counts(timestamptz, timestamptz) TO auditor;
GRANT EXECUTE ON FUNCTION sec.is_oversight_agency(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.opt_in_reads() TO app, auditor;
