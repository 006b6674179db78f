-- as: gate
-- Conflict blocks (R12): who is barred from a referral, on the survivor's word. A block overrides
-- every grant, assignment and role. Other callers of these functions are sec.sees, sec.assigned,
-- sec.answers_for, and each policy of a table that belongs to a referral.

-- Whether the referral does not bar the caller. A block bars a person, in every agency they serve;
-- or an agency; or an agency's members who are not leads. A client that names no member counts as
-- its agency's mailbox. Also barred are the members of a side whose part was purged (R13), the
-- recipient before sending, and all other agencies: what belongs to the referral is hidden from
-- them as by a block, and no one learns by asking that there is a block, or still is one. A random
-- id gives the same answer. Without a block this is one look at two rows, to find the token's
-- agency. The callers of this function check that the token is still valid.
CREATE FUNCTION sec.not_barred(r uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity;
    barring boolean := (
        SELECT f.has_block FROM public.referral f
          JOIN public.credential c
            ON c.agency_id IN (
               CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
               CASE WHEN NOT f.to_purged AND f.sent_at IS NOT NULL THEN f.to_agency_id END)
         WHERE f.id = r AND c.hash = decode(current_setting('cairn.token', true), 'hex'));
BEGIN
    IF barring IS NULL THEN
        RETURN false;
    ELSIF NOT barring THEN
        RETURN true;
    END IF;
    me := sec.identity();
    IF me.agency_id IS NULL THEN
        RETURN false;
    ELSIF me.member_id IS NULL THEN
        RETURN NOT sec.mailbox_barred(r, me.agency_id);
    END IF;
    RETURN NOT sec.bars(r, me.agency_id, me.person_id, 'lead' = ANY (me.roles), NULL);
END $$;

-- Whether it bars a person who is or was a member of this agency, even if the block names their
-- membership in another one. What is addressed to no member reaches all readers of the agency, as
-- webhooks and duty lines do.
CREATE FUNCTION sec.mailbox_barred(r uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.conflict_block b
                 LEFT JOIN public.permissions_membership m ON m.id = b.bars_member_id
                WHERE b.referral_id = r AND b.lifted_at IS NULL
                  AND (b.bars_agency_id = agency
                       OR EXISTS (SELECT FROM public.permissions_membership o
                                   WHERE o.person_id = m.person_id AND o.agency_id = agency)))
       OR EXISTS (SELECT FROM public.referral f
                   WHERE f.id = r AND f.to_purged AND f.to_agency_id = agency) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- Remember who was barred as a person when a sent referral is purged. The log outlives it by years,
-- and entries that became visible after the purge would reveal the block. Nothing is kept of a
-- draft (R14). A purge therefore removes the blocks before the referral.
CREATE FUNCTION sec.keep_barred() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF OLD.kind = 'member' AND OLD.lifted_at IS NULL AND EXISTS (
        SELECT FROM public.referral f WHERE f.id = OLD.referral_id AND f.sent_at IS NOT NULL) THEN
        INSERT INTO public.barred_to_the_end (member_id, referral_id, at)
        VALUES (OLD.bars_member_id, OLD.referral_id, sec.clock()) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

-- The referrals that bar the caller as a person, or did so until their purge. A client that names
-- no member is barred as any member of its agency would be. For auditors: they may still audit a
-- referral that bars their whole agency.
CREATE FUNCTION sec.barred_from() RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN ARRAY(
        SELECT b.referral_id
          FROM (SELECT k.referral_id, k.bars_member_id AS member_id
                  FROM public.conflict_block k WHERE k.lifted_at IS NULL
                UNION ALL
                SELECT g.referral_id, g.member_id FROM public.barred_to_the_end g) b
          JOIN public.permissions_membership m ON m.id = b.member_id
         WHERE m.person_id = me.person_id
            OR (me.member_id IS NULL AND EXISTS (
                SELECT FROM public.permissions_membership o
                 WHERE o.person_id = m.person_id AND o.agency_id = me.agency_id)));
END $$;

-- Whether this block, while in force, bars this person: the person whom it names, in every agency
-- they serve; the whole agency; or its members other than leads. A client that names no member is
-- not a lead.
CREATE FUNCTION sec.keeps_out(b conflict_block, agency uuid, person uuid, is_lead boolean)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF b.kind = 'member' THEN
        RETURN EXISTS (SELECT FROM public.permissions_membership m
                        WHERE m.id = b.bars_member_id AND m.person_id = person);
    END IF;
    RETURN coalesce(b.bars_agency_id = agency
                    AND (b.kind = 'agency' OR is_lead IS NOT TRUE), false);
END $$;

-- Whether the referral bars any given person, as a member of this agency, lead or not. `by_side`:
-- by a block of that agency; NULL: by a block of either side, or because this agency's part as the
-- recipient was purged.
CREATE FUNCTION sec.bars(r uuid, agency uuid, person uuid, is_lead boolean, by_side uuid)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.conflict_block b
         WHERE b.referral_id = r AND b.lifted_at IS NULL
           AND (by_side IS NULL OR b.agency_id = by_side)
           AND sec.keeps_out(b, agency, person, is_lead))
       OR (by_side IS NULL AND EXISTS (
            SELECT FROM public.referral f
             WHERE f.id = r AND f.to_purged AND f.to_agency_id = agency)) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- What a change of blocks does. It sets the flags. A new block deletes the idempotency keys of the
-- barred member or agency, since a known key would reveal the referral. A block on a member also
-- ends their assignment; if they held the side, the member who set the block holds it, if assigned.
CREATE FUNCTION sec.keep_block() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    flag boolean := EXISTS (SELECT FROM public.conflict_block b
                             WHERE b.referral_id = NEW.referral_id AND b.lifted_at IS NULL);
BEGIN
    UPDATE public.referral f SET has_block = flag
     WHERE f.id = NEW.referral_id AND f.has_block <> flag;
    UPDATE public.referral_side s SET has_block = flag
     WHERE s.referral_id = NEW.referral_id AND s.has_block <> flag;
    IF TG_OP = 'INSERT' THEN
        DELETE FROM public.idempotency_key k
         WHERE k.referral_id = NEW.referral_id
           AND (k.agency_id = NEW.bars_agency_id OR k.caller_id IN (
                SELECT m.id FROM public.permissions_membership m
                  JOIN public.permissions_membership barred ON barred.person_id = m.person_id
                 WHERE barred.id = NEW.bars_member_id));
    END IF;
    IF TG_OP = 'INSERT' AND NEW.kind = 'member' THEN
        DELETE FROM public.referral_assignment s
         WHERE s.content_object_id = NEW.referral_id AND s.membership_id = NEW.bars_member_id;
        UPDATE public.referral_side s SET holder_id = NEW.set_by, version = s.version + 1
         WHERE s.referral_id = NEW.referral_id AND s.agency_id = NEW.agency_id
           AND s.holder_id = NEW.bars_member_id
           AND EXISTS (SELECT FROM public.referral_assignment a
                        WHERE a.content_object_id = NEW.referral_id
                          AND a.membership_id = NEW.set_by);
    END IF;
    RETURN NULL;
END $$;

-- Set the flag of a side that begins after the block.
CREATE FUNCTION sec.flag_side() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    NEW.has_block := EXISTS (SELECT FROM public.conflict_block b
                              WHERE b.referral_id = NEW.referral_id AND b.lifted_at IS NULL);
    RETURN NEW;
END $$;

-- Set a block, for those who answer for the referral on either side. `app` writes blocks only
-- through this function and sec.lift_block().
CREATE FUNCTION sec.set_block(row_id uuid, r uuid, what text, who uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.standing(r);
    recipient uuid;
    sender uuid;
BEGIN
    SELECT f.from_agency_id, f.to_agency_id INTO sender, recipient
      FROM public.referral f WHERE f.id = r;
    IF NOT coalesce(me.open AND sec.answers_for(r), false)
       OR NOT coalesce(CASE what
            WHEN 'member' THEN who <> me.member AND EXISTS (
                SELECT FROM public.permissions_membership m
                 WHERE m.id = who AND m.agency_id = me.agency)
            WHEN 'agency' THEN who IS NULL AND me.agency = sender
            WHEN 'leads_only' THEN who IS NULL AND (me.agency = sender OR me.is_lead)
          END, false) THEN
        RAISE EXCEPTION 'no such block' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.conflict_block
           (id, referral_id, agency_id, kind, bars_agency_id, bars_member_id, set_by, set_at)
    VALUES (row_id, r, me.agency, what, CASE what WHEN 'member' THEN me.agency ELSE recipient END,
            who, me.member, sec.clock());
END $$;

CREATE FUNCTION sec.lift_block(r uuid, what text, who uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.standing(r);
BEGIN
    IF NOT coalesce(me.open AND sec.answers_for(r), false) THEN
        RAISE EXCEPTION 'no such block' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.conflict_block b SET lifted_by = me.member, lifted_at = sec.clock()
     WHERE b.referral_id = r AND b.agency_id = me.agency AND b.kind = what AND b.lifted_at IS NULL
       AND b.bars_member_id IS NOT DISTINCT FROM who;
END $$;

-- The alert: requests for a referral by those whom a block of the caller's side has barred since it
-- was set. They were answered as for a random id. It reads refusals in the access log, so that a
-- refusal writes the same with and without a block. Members of another agency are not named. A
-- caller who was let in again does not see what shows that they were barred.
CREATE FUNCTION sec.barred_attempts()
RETURNS TABLE (id uuid, at timestamptz, referral_id uuid, reference text, act text, member_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.caseworker();
    me sec.identity := sec.identity();
BEGIN
    RETURN QUERY
    SELECT DISTINCT ON (e.at, e.id) e.id, e.at, f.id, f.reference, e.act,
           CASE WHEN e.agency_id = mine THEN e.member_id END
      FROM public.conflict_block b
      JOIN public.referral f ON f.id = b.referral_id
      JOIN public.access_entry e ON e.referral_id = b.referral_id AND e.at >= b.set_at
      LEFT JOIN public.permissions_membership m ON m.id = e.member_id
     WHERE b.agency_id = mine AND sec.answers_for(b.referral_id)
       AND e.decision = 'refused' AND e.rule IN ('not_found', 'policy')
       AND (b.lifted_at IS NULL OR e.at < b.lifted_at)
       -- A lead whom `leads_only` lets in and who is refused, is so since her side was purged (R2).
       AND sec.keeps_out(b, e.agency_id, m.person_id, 'lead' = ANY (m.roles))
       AND m.person_id IS DISTINCT FROM me.person_id
       AND NOT sec.keeps_out(b, mine, me.person_id, 'lead' = ANY (me.roles))
     ORDER BY e.at DESC, e.id DESC LIMIT 100;
END $$;

REVOKE ALL ON FUNCTION sec.not_barred(uuid), sec.mailbox_barred(uuid, uuid), sec.keep_barred(),
    sec.barred_from(), sec.keeps_out(conflict_block, uuid, uuid, boolean),
    sec.bars(uuid, uuid, uuid, boolean, uuid), sec.keep_block(), sec.flag_side(),
    sec.set_block(uuid, uuid, text, uuid), sec.lift_block(uuid, text, uuid),
    sec.barred_attempts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.not_barred(uuid), sec.set_block(uuid, uuid, text, uuid),
    sec.lift_block(uuid, text, uuid), sec.barred_attempts() TO app;
GRANT EXECUTE ON FUNCTION sec.mailbox_barred(uuid, uuid) TO jobs;
GRANT EXECUTE ON FUNCTION sec.barred_from() TO auditor;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.keep_barred(), sec.keep_block(), sec.flag_side() TO owner;
