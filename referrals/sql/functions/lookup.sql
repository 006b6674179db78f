-- as: definer
-- The look-up of one referral, event or release by its id (R3, ADR 0071).

-- The id, if this agency is a side of the referral and nothing bars the caller from it, as
-- sec.may_see_referral and sec.is_not_blocked say. Else NULL. `agency`: the caller's own, if they
-- have the right that the look-up needs. A query by id asks this first, and looks for the row by
-- what it returns: all other work is then the same for every id that the caller may not see. The
-- work here is the same too, whether or not there is such a row. The caller is resolved; one
-- referral is read, which is this one or the next below where it would be; and so are a few blocks,
-- from its own down. A block that names no one reads a membership as well, that of who set it. One
-- plan for all values: the planner would make a new one for each, at twice the cost.
-- `mailbox`: as for what is sent to the agency's systems, which any of its people may read.
CREATE FUNCTION sec.unblocked_referral_id(referral uuid, agency uuid, mailbox boolean) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    alike CONSTANT bigint := 4;
    me sec.identity := sec.identity();
    is_lead boolean := coalesce('lead' = ANY (me.roles), false);
    on_side boolean;
    its bigint;
    barred boolean;
BEGIN
    SELECT f.id = referral
           AND (f.from_agency_id = agency AND NOT f.from_purged
                OR f.to_agency_id = agency AND NOT f.to_purged AND f.sent_at IS NOT NULL)
      INTO on_side
      FROM public.referral f WHERE f.id <= referral ORDER BY f.id DESC LIMIT 1;
    SELECT count(*) FILTER (WHERE b.referral_id = referral),
           bool_or(b.referral_id = referral AND CASE
               WHEN mailbox OR me.member_id IS NULL
               THEN b.bars_agency_id = me.agency_id
                    OR (b.kind = 'member'
                        AND EXISTS (SELECT FROM public.permissions_membership o
                                     WHERE o.person_id = b.person AND o.agency_id = me.agency_id))
               WHEN b.kind = 'member' THEN b.person = me.person_id
               ELSE b.bars_agency_id = me.agency_id AND (b.kind = 'agency' OR NOT is_lead) END)
      INTO its, barred
      FROM (SELECT n.referral_id, n.kind, n.bars_agency_id,
                   (SELECT m.person_id FROM public.permissions_membership m
                     WHERE m.id = coalesce(n.bars_member_id, n.set_by)) AS person
              FROM public.conflict_block n
             WHERE n.referral_id <= referral AND n.lifted_at IS NULL
             ORDER BY n.referral_id DESC LIMIT alike) b;
    IF its = alike AND barred IS NOT TRUE THEN  -- it may have more of them
        barred := CASE WHEN mailbox THEN sec.is_mailbox_blocked(referral, me.agency_id)
                  ELSE NOT sec.is_not_blocked(referral) END;
    END IF;
    IF on_side AND barred IS NOT TRUE THEN
        RETURN referral;
    END IF;
    RETURN NULL;
END $$;

-- The id, if the caller may see this referral: a caseworker of one of its sides whom nothing bars.
CREATE FUNCTION sec.visible_referral_id(referral uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN sec.unblocked_referral_id(referral, sec.caseworker_agency_id(), false);
END $$;

-- The id, if the feed of the caller has this referral: as above, for who reads events.
CREATE FUNCTION sec.fed_referral_id(referral uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN sec.unblocked_referral_id(referral, sec.event_reader_agency_id(), false);
END $$;

-- The id, if sec.unblocked_referral_id gives the referral of this event to this agency. One event
-- is read, which is this one or the next below where it would be, and its referral is asked for:
-- the same work for an event that the caller may not know of as for none.
CREATE FUNCTION sec.unblocked_event_id(event uuid, agency uuid, mailbox boolean) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    found_id uuid;
    its_referral uuid;
BEGIN
    SELECT e.id, e.referral_id INTO found_id, its_referral
      FROM public.referral_event e WHERE e.id <= event ORDER BY e.id DESC LIMIT 1;
    its_referral := sec.unblocked_referral_id(its_referral, agency, mailbox);
    IF its_referral IS NOT NULL AND found_id = event THEN
        RETURN event;
    END IF;
    RETURN NULL;
END $$;

-- The id, if the feed of the caller has the referral of this event; which events of it, the policy
-- and the feed's own query say.
CREATE FUNCTION sec.fed_event_id(event uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN sec.unblocked_event_id(event, sec.event_reader_agency_id(), false);
END $$;

-- The id, if the caller may see the referral of this release; whether they may see the release, its
-- policy says. The work is the same for a release of a hidden referral as for none, as it is for an
-- event.
CREATE FUNCTION sec.visible_release_id(by_release uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    found_id uuid;
    its_referral uuid;
BEGIN
    SELECT l.id, l.referral_id INTO found_id, its_referral
      FROM public.release l WHERE l.id <= by_release ORDER BY l.id DESC LIMIT 1;
    its_referral := sec.visible_referral_id(its_referral);
    IF its_referral IS NOT NULL AND found_id = by_release THEN
        RETURN by_release;
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION sec.unblocked_referral_id(uuid, uuid, boolean),
    sec.visible_referral_id(uuid), sec.fed_referral_id(uuid),
    sec.unblocked_event_id(uuid, uuid, boolean), sec.fed_event_id(uuid),
    sec.visible_release_id(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.visible_referral_id(uuid), sec.fed_referral_id(uuid),
    sec.fed_event_id(uuid), sec.visible_release_id(uuid) TO app;

-- The referrals of the auditor's own agency that people call by this reference, the newest first:
-- those about which the auditor reads an entry of that agency's people. None for a reference of
-- others, of a draft to the agency, of what is purged, and of what bars the auditor (R12): there is
-- nothing in the log that it could be compared with. Only the own agency's rows are read, so that
-- the work says nothing of others' (R3).
CREATE FUNCTION sec.audited_referral_ids(letters text) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.auditor_agency_id();
    hidden uuid[] := sec.blocked_referral_ids();
BEGIN
    RETURN ARRAY(
        SELECT f.id
          FROM (SELECT r.id FROM public.referral r
                 WHERE r.from_agency_id = mine AND r.reference = letters AND NOT r.from_purged
                UNION ALL
                SELECT r.id FROM public.referral r
                 WHERE r.to_agency_id = mine AND r.reference = letters AND NOT r.to_purged
                   AND r.sent_at IS NOT NULL) f
         WHERE NOT f.id = ANY (hidden)
           AND EXISTS (SELECT FROM public.access_entry e
                        WHERE e.referral_id = f.id AND e.agency_id = mine)
         ORDER BY f.id DESC);
END $$;

REVOKE ALL ON FUNCTION sec.audited_referral_ids(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.audited_referral_ids(text) TO auditor;
