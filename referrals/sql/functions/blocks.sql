-- as: definer
-- Conflict blocks (R12): who is barred from a referral, on the survivor's word. A block overrides
-- every grant, assignment and role. Other callers of these functions are sec.may_see_referral,
-- sec.is_assigned, sec.is_responsible_for, and each policy of a table that belongs to a referral.

-- Whether the referral does not bar the caller. A block bars a person, in every agency they serve;
-- or an agency; or an agency's members who are not leads. A client that names no member counts as
-- its agency's mailbox. Also barred are the members of a side whose part was purged (R13), the
-- recipient before sending, and all other agencies: what belongs to the referral is hidden from
-- them as by a block, and no one learns by asking that there is a block, or still is one. A random
-- id gives the same answer. Without a block this is one look at two rows, to find the token's
-- agency. The callers of this function check that the token is still valid.
CREATE FUNCTION sec.is_not_blocked(referral uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity;
    barring boolean := (
        SELECT f.has_block FROM public.referral f
          JOIN public.credential c
            ON c.agency_id IN (
               CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
               CASE WHEN NOT f.to_purged AND f.sent_at IS NOT NULL THEN f.to_agency_id END)
         WHERE f.id = referral AND c.hash = decode(current_setting('cairn.token', true), 'hex'));
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
        RETURN NOT sec.is_mailbox_blocked(referral, me.agency_id);
    END IF;
    RETURN NOT sec.is_person_blocked(referral, me.agency_id, me.person_id, 'lead' = ANY (me.roles),
        NULL);
END $$;

-- Whether it bars a person who is or was a member of this agency, even if the block names their
-- membership in another one. What is addressed to no member reaches all readers of the agency, as
-- webhooks and duty lines do.
CREATE FUNCTION sec.is_mailbox_blocked(referral uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.conflict_block b
                 LEFT JOIN public.permissions_membership m ON m.id = b.bars_member_id
                WHERE b.referral_id = referral AND b.lifted_at IS NULL
                  AND (b.bars_agency_id = agency
                       OR EXISTS (SELECT FROM public.permissions_membership o
                                   WHERE o.person_id = m.person_id AND o.agency_id = agency)))
       OR EXISTS (SELECT FROM public.referral f
                   WHERE f.id = referral AND f.to_purged AND f.to_agency_id = agency) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- Remember who was barred as a person when a sent referral is purged. The log outlives it by years,
-- and entries that became visible after the purge would reveal the block. Nothing is kept of a
-- draft (R14). A purge therefore removes the blocks before the referral.
CREATE FUNCTION sec.remember_blocked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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
CREATE FUNCTION sec.blocked_referral_ids()
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    persons uuid[] := ARRAY[me.person_id] || CASE WHEN me.member_id IS NULL THEN ARRAY(
        SELECT o.person_id FROM public.permissions_membership o WHERE o.agency_id = me.agency_id)
        END;
BEGIN
    RETURN ARRAY(
        SELECT k.referral_id FROM public.permissions_membership m
          JOIN public.conflict_block k ON k.bars_member_id = m.id AND k.lifted_at IS NULL
         WHERE m.person_id = ANY (persons)
        UNION ALL
        SELECT g.referral_id FROM public.permissions_membership m
          JOIN public.barred_to_the_end g ON g.member_id = m.id
         WHERE m.person_id = ANY (persons));
END $$;

-- Whether this block, while in force, bars this person: the person whom it names, in every agency
-- they serve; the whole agency; or its members other than leads. A client that names no member is
-- not a lead.
CREATE FUNCTION sec.does_block_apply(b conflict_block, agency uuid, person uuid, is_lead boolean)
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
CREATE FUNCTION sec.is_person_blocked(referral uuid, agency uuid, person uuid, is_lead boolean,
    by_side uuid)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.conflict_block b
         WHERE b.referral_id = referral AND b.lifted_at IS NULL
           AND (by_side IS NULL OR b.agency_id = by_side)
           AND sec.does_block_apply(b, agency, person, is_lead))
       OR (by_side IS NULL AND EXISTS (
            SELECT FROM public.referral f
             WHERE f.id = referral AND f.to_purged AND f.to_agency_id = agency)) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- What a change of blocks does. It sets the flags. A new block deletes the idempotency keys of the
-- barred member or agency, since a known key would reveal the referral. A block on a member also
-- ends their assignment; if they held the side, the member who set the block holds it, if assigned,
-- and else no one. A worker of the recipient whom `leads_only` bars does not hold it either.
CREATE FUNCTION sec.apply_block() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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
        UPDATE public.referral_side s
           SET version = s.version + 1, holder_id = (
               SELECT a.membership_id FROM public.referral_assignment a
                WHERE a.content_object_id = NEW.referral_id AND a.membership_id = NEW.set_by)
         WHERE s.referral_id = NEW.referral_id AND s.agency_id = NEW.agency_id
           AND s.holder_id = NEW.bars_member_id;
    ELSIF TG_OP = 'INSERT' AND NEW.kind = 'leads_only' THEN
        UPDATE public.referral_side s SET holder_id = NULL, version = s.version + 1
         WHERE s.referral_id = NEW.referral_id AND s.agency_id = NEW.bars_agency_id
           AND EXISTS (SELECT FROM public.permissions_membership m
                        WHERE m.id = s.holder_id AND 'lead' <> ALL (m.roles));
    END IF;
    IF TG_OP = 'INSERT' AND NEW.bars_agency_id = NEW.agency_id THEN
        UPDATE public.conflict_block b SET alert = sec.block_alert(NEW) WHERE b.id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

-- Whom of its own people a new block bars, if others have to learn that it was set: a lead, or all
-- workers and leads but the member who set it. Such a block can keep from everyone what that member
-- does.
CREATE FUNCTION sec.block_alert(b conflict_block) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    barred text[] := (SELECT m.roles FROM public.permissions_membership m
                       WHERE m.id = b.bars_member_id);
BEGIN
    IF b.kind = 'member' AND NOT barred && ARRAY['worker', 'lead'] THEN
        RETURN NULL;
    ELSIF EXISTS (SELECT FROM public.permissions_membership m
                   WHERE m.agency_id = b.agency_id AND m.live AND m.id <> b.set_by
                     AND m.roles && ARRAY['worker', 'lead'])
          AND NOT EXISTS (SELECT FROM sec.members_to_notify(b.referral_id, b.agency_id) m
                           WHERE m.member_id <> b.set_by) THEN
        RETURN 'everyone';
    ELSIF 'lead' = ANY (barred) THEN
        RETURN 'lead';
    END IF;
    RETURN NULL;
END $$;

-- The blocks to tell of, each once.
CREATE FUNCTION sec.claim_block_alerts(most int)
RETURNS TABLE (id uuid, referral_id uuid, agency_id uuid, set_by_person uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT n.id FROM public.conflict_block n WHERE n.alert IS NOT NULL AND NOT n.told
         ORDER BY n.set_at, n.id LIMIT most FOR UPDATE SKIP LOCKED)
    UPDATE public.conflict_block b SET told = true
      FROM due, public.permissions_membership m
     WHERE b.id = due.id AND m.id = b.set_by
    RETURNING b.id, b.referral_id, b.agency_id, m.person_id;
END $$;

-- Shows those who oversee an agency *that* a lead, or all colleagues, were barred, and when
-- (sec.overseers). Its own people also see who set the block, and a lead, who may see the referral
-- anyway, which one it is. No one whom a block bars sees any of it.
CREATE FUNCTION sec.block_alerts()
RETURNS TABLE (id uuid, at timestamptz, bars text, agency_id uuid, member_id uuid, referral_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN QUERY
    SELECT b.id, b.set_at, b.alert, b.agency_id,
           CASE WHEN b.agency_id = me.agency_id THEN b.set_by END,
           CASE WHEN b.agency_id = me.agency_id AND 'lead' = ANY (me.roles) THEN b.referral_id END
      FROM public.conflict_block b
      JOIN public.permissions_agency a ON a.id = b.agency_id
      JOIN public.permissions_membership m ON m.id = b.set_by
     WHERE b.alert IS NOT NULL AND me.client_id IS NULL
       AND (a.id = me.agency_id OR a.outside_reviewer_id = me.member_id)
       AND EXISTS (SELECT FROM sec.overseers(b.referral_id, b.agency_id, m.person_id) o
                    WHERE o.member_id = me.member_id)
     ORDER BY b.set_at DESC, b.id DESC LIMIT 100;
END $$;

-- Set the flag of a side that begins after the block.
CREATE FUNCTION sec.flag_blocked_side() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    NEW.has_block := EXISTS (SELECT FROM public.conflict_block b
                              WHERE b.referral_id = NEW.referral_id AND b.lifted_at IS NULL);
    RETURN NEW;
END $$;

-- Set a block, for those who answer for the referral on either side. `app` writes blocks only
-- through this function and sec.lift_block().
CREATE FUNCTION sec.set_block(row_id uuid, referral uuid, what text, member uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.caller_relation(referral);
    recipient uuid;
    sender uuid;
BEGIN
    SELECT f.from_agency_id, f.to_agency_id INTO sender, recipient
      FROM public.referral f WHERE f.id = referral;
    IF NOT coalesce(me.open AND sec.is_responsible_for(referral), false)
       OR NOT coalesce(CASE what
            WHEN 'member' THEN member <> me.member AND EXISTS (
                SELECT FROM public.permissions_membership m
                 WHERE m.id = member AND m.agency_id = me.agency)
            WHEN 'agency' THEN member IS NULL AND me.agency = sender
            WHEN 'leads_only' THEN member IS NULL AND (me.agency = sender OR me.is_lead)
          END, false) THEN
        RAISE EXCEPTION 'no such block' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.conflict_block
           (id, referral_id, agency_id, kind, bars_agency_id, bars_member_id, set_by, set_at)
    VALUES (row_id, referral, me.agency, what,
        CASE what WHEN 'member' THEN me.agency ELSE recipient END,
            member, me.member, sec.clock());
END $$;

CREATE FUNCTION sec.lift_block(referral uuid, what text, member uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.caller_relation(referral);
BEGIN
    IF NOT coalesce(me.open AND sec.is_responsible_for(referral), false) THEN
        RAISE EXCEPTION 'no such block' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.conflict_block b SET lifted_by = me.member, lifted_at = sec.clock()
     WHERE b.referral_id = referral AND b.agency_id = me.agency AND b.kind = what
         AND b.lifted_at IS NULL
       AND b.bars_member_id IS NOT DISTINCT FROM member;
END $$;

REVOKE ALL ON FUNCTION sec.is_not_blocked(uuid), sec.is_mailbox_blocked(uuid, uuid),
    sec.remember_blocked(), sec.blocked_referral_ids(),
    sec.does_block_apply(conflict_block, uuid, uuid, boolean),
    sec.is_person_blocked(uuid, uuid, uuid, boolean, uuid), sec.apply_block(),
    sec.block_alert(conflict_block), sec.claim_block_alerts(int), sec.block_alerts(),
    sec.flag_blocked_side(), sec.set_block(uuid, uuid, text, uuid),
    sec.lift_block(uuid, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.is_not_blocked(uuid), sec.set_block(uuid, uuid, text, uuid),
    sec.lift_block(uuid, text, uuid), sec.block_alerts() TO app;
GRANT EXECUTE ON FUNCTION sec.is_mailbox_blocked(uuid, uuid), sec.claim_block_alerts(int) TO jobs;
GRANT EXECUTE ON FUNCTION sec.blocked_referral_ids() TO auditor;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.remember_blocked(), sec.apply_block(),
    sec.flag_blocked_side() TO owner;
