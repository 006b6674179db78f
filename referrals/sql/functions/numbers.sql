-- as: definer
-- Counting at the act (ADR 0138). Triggers count what a referral is, in the transaction that made
-- it so: what its old row counted is taken out, what its new one counts is added. So the cells are
-- at each moment the sum over all counted referrals, whatever path an act takes, and a mistake is
-- out of them again.

-- In which of the fixed steps a length of time is: the median and the 90th percentile are read from
-- their counts.
CREATE FUNCTION sec.counted_time(took interval) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN took <= interval '1 minute' THEN 'm1'
                WHEN took <= interval '2 minutes' THEN 'm2'
                WHEN took <= interval '5 minutes' THEN 'm5'
                WHEN took <= interval '10 minutes' THEN 'm10'
                WHEN took <= interval '15 minutes' THEN 'm15'
                WHEN took <= interval '30 minutes' THEN 'm30'
                WHEN took <= interval '1 hour' THEN 'h1'
                WHEN took <= interval '2 hours' THEN 'h2'
                WHEN took <= interval '4 hours' THEN 'h4'
                WHEN took <= interval '8 hours' THEN 'h8'
                WHEN took <= interval '24 hours' THEN 'd1'
                WHEN took <= interval '72 hours' THEN 'd3'
                WHEN took <= interval '168 hours' THEN 'd7'
                WHEN took IS NOT NULL THEN 'later' END
$$;

-- The items that a side counts of a sent referral. Of its state each side counts what it is shown:
-- the sender never what the recipient keeps to itself (R2). `own` is the recipient's own state, and
-- `late` whether it ever was late with the hand-off; `other` is the kind of the other agency.
CREATE FUNCTION sec.counted_items(f referral, side text, own text, late boolean, other text)
RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF f.sent_at IS NULL OR f.status = 'entered_in_error' THEN
        RETURN '{}';
    END IF;
    RETURN array_remove(ARRAY[
        'kind:' || other, 'concern:' || f.concern, 'age_band:' || f.age_band,
        'urgency:' || f.urgency,
        'outcome:' || CASE WHEN side = 'to' AND own IN ('completed', 'unable', 'stopped') THEN own
                           WHEN f.status IN ('sent', 'acknowledged') THEN 'waiting'
                           ELSE f.status END,
        'answered:' || sec.counted_time(coalesce(
            least(f.acknowledged_at, f.accepted_at),
            CASE WHEN f.status = 'declined' THEN f.ended_at END) - f.sent_at),
        'accepted:' || sec.counted_time(f.accepted_at - f.sent_at),
        CASE WHEN f.escalated_at IS NOT NULL OR f.status = 'expired' THEN 'late:answer' END,
        CASE WHEN side = 'to' AND late THEN 'late:handoff' END,
        CASE WHEN f.status = 'declined' THEN 'declined:' || f.code END
    ], NULL) || ARRAY(SELECT DISTINCT 'need:' || n FROM unnest(f.needs) n);
END $$;

-- Write what has changed between two lists of items of a side. Where the referral has left the
-- figures of the side's agency, it counts for no agency and for the year: as much is written, so
-- that an act takes as long for a sender who may not know that the other side bars anyone (R2).
CREATE FUNCTION sec.add_counts(
    c counted_referral, agency uuid, side text, barred boolean, before text[], after text[],
    settled boolean
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.count_line (agency_id, side, begins, item, number, settled)
    SELECT CASE WHEN NOT barred THEN agency END, add_counts.side,
           CASE WHEN barred THEN date_trunc('year', c.month)::date ELSE c.month END,
           d.item, sum(d.n), add_counts.settled
      FROM (SELECT unnest(before) AS item, -1 AS n UNION ALL SELECT unnest(after), 1) d
     GROUP BY d.item HAVING sum(d.n) <> 0;
END $$;

-- The same for the network, of what the sender's side counts; and, once a referral, one for each
-- agency. A referral that bars, or ever barred, anyone of either agency is kept out of all that the
-- network is shown: whom it bars could find it by the difference to their own agency's figures
-- (R3). As many lines are written for it.
CREATE FUNCTION sec.add_network_counts(
    c counted_referral, f referral, before text[], after text[], settled boolean
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    of_network text := CASE WHEN c.from_barred OR c.to_barred THEN 'kept' ELSE 'net' END;
    whole integer := (after <> '{}')::int - (before <> '{}')::int;
BEGIN
    INSERT INTO public.count_line (agency_id, side, begins, item, number, settled)
    SELECT d.agency_id, of_network, c.month, d.item, sum(d.n),
           add_network_counts.settled
      FROM (SELECT NULL::uuid AS agency_id, unnest(before) AS item, -1 AS n
            UNION ALL SELECT NULL, unnest(after), 1
            UNION ALL SELECT f.from_agency_id, 'whole:sent', whole
            UNION ALL SELECT f.to_agency_id, 'whole:received', whole) d
     GROUP BY 1, d.item HAVING sum(d.n) <> 0;
END $$;

-- The recipient's own state.
CREATE FUNCTION sec.recipient_state(f referral) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT s.state FROM public.referral_side s
             WHERE s.referral_id = f.id AND s.agency_id = f.to_agency_id);
END $$;

-- Whether the referral bars, or ever barred, someone who is or was of this agency.
CREATE FUNCTION sec.has_ever_barred(referral uuid, agency uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.conflict_block b
                     LEFT JOIN public.permissions_membership m ON m.id = b.bars_member_id
                    WHERE b.referral_id = referral
                      AND (b.bars_agency_id = agency
                           OR EXISTS (SELECT FROM public.permissions_membership o
                                       WHERE o.person_id = m.person_id AND o.agency_id = agency)));
END $$;

-- A referral was sent, or what is counted of it has changed. Practice is not counted, and nothing
-- that was sent before there were counts.
CREATE FUNCTION sec.count_referral() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    c public.counted_referral;
    own text;
    before text[];
    after text[];
BEGIN
    IF OLD.sent_at IS NULL THEN
        INSERT INTO public.counted_referral
               (referral_id, month, from_kind, to_kind, from_barred, to_barred)
        SELECT NEW.id, date_trunc('month', NEW.sent_at AT TIME ZONE s.time_zone)::date, s.kind,
               r.kind, sec.has_ever_barred(NEW.id, s.id), sec.has_ever_barred(NEW.id, r.id)
          FROM public.permissions_agency s, public.permissions_agency r
         WHERE s.id = NEW.from_agency_id AND r.id = NEW.to_agency_id AND s.exercise_id IS NULL
        RETURNING * INTO c;
    ELSE
        SELECT * INTO c FROM public.counted_referral o WHERE o.referral_id = NEW.id FOR UPDATE;
        own := sec.recipient_state(NEW);
    END IF;
    IF c.referral_id IS NULL THEN
        RETURN NULL;
    END IF;
    IF NOT OLD.from_purged THEN
        before := sec.counted_items(OLD, 'from', NULL, false, c.to_kind);
        after := sec.counted_items(NEW, 'from', NULL, false, c.to_kind);
        PERFORM sec.add_counts(c, NEW.from_agency_id, 'from', c.from_barred, before, after, false);
        PERFORM sec.add_network_counts(c, NEW, before, after, false);
    END IF;
    IF NOT OLD.to_purged THEN
        PERFORM sec.add_counts(c, NEW.to_agency_id, 'to', c.to_barred,
            sec.counted_items(OLD, 'to', own, c.handoff_late, c.from_kind),
            sec.counted_items(NEW, 'to', own, c.handoff_late, c.from_kind), false);
    END IF;
    IF NEW.status = 'entered_in_error' THEN
        DELETE FROM public.counted_referral o WHERE o.referral_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

-- The recipient has ended it on its own side, or is late with the hand-off: the sender is shown
-- neither. That it was late stays counted when it is done.
CREATE FUNCTION sec.count_own_side() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    c public.counted_referral;
    f public.referral;
    late boolean;
BEGIN
    SELECT * INTO c FROM public.counted_referral o WHERE o.referral_id = NEW.referral_id FOR UPDATE;
    SELECT * INTO f FROM public.referral r WHERE r.id = NEW.referral_id;
    IF c.referral_id IS NOT NULL AND f.to_agency_id = NEW.agency_id AND NOT f.to_purged THEN
        late := c.handoff_late OR NEW.escalated_at IS NOT NULL;
        PERFORM sec.add_counts(c, f.to_agency_id, 'to', c.to_barred,
            sec.counted_items(f, 'to', OLD.state, c.handoff_late, c.from_kind),
            sec.counted_items(f, 'to', NEW.state, late, c.from_kind), false);
        UPDATE public.counted_referral o SET handoff_late = late
         WHERE o.referral_id = f.id AND o.handoff_late <> late;
    END IF;
    RETURN NULL;
END $$;

-- Take a referral out of the figures of each agency of whose people it bars anyone, for good: whom
-- it bars reads the figures of a world without it, also after the block is lifted. What is purged
-- stays counted as it was. Twice is safe.
CREATE FUNCTION sec.count_out(referral uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    c public.counted_referral;
    kept public.counted_referral;
    f public.referral;
    items text[];
BEGIN
    SELECT * INTO c FROM public.counted_referral o WHERE o.referral_id = count_out.referral
       FOR UPDATE;
    SELECT * INTO f FROM public.referral r WHERE r.id = count_out.referral;
    IF c.referral_id IS NULL THEN
        RETURN;
    END IF;
    kept := c;
    kept.from_barred := sec.has_ever_barred(f.id, f.from_agency_id);
    kept.to_barred := sec.has_ever_barred(f.id, f.to_agency_id);
    IF NOT (c.from_barred OR c.to_barred) AND (kept.from_barred OR kept.to_barred)
       AND NOT f.from_purged THEN
        items := sec.counted_items(f, 'from', NULL, false, c.to_kind);
        PERFORM sec.add_network_counts(c, f, items, '{}', false);
        PERFORM sec.add_network_counts(kept, f, '{}', items, false);
    END IF;
    IF NOT c.from_barred AND NOT f.from_purged AND kept.from_barred THEN
        items := sec.counted_items(f, 'from', NULL, false, c.to_kind);
        PERFORM sec.add_counts(c, f.from_agency_id, 'from', false, items, '{}', false);
        PERFORM sec.add_counts(c, f.from_agency_id, 'from', true, '{}', items, false);
        UPDATE public.counted_referral o SET from_barred = true WHERE o.referral_id = f.id;
    END IF;
    IF NOT c.to_barred AND NOT f.to_purged AND kept.to_barred THEN
        items := sec.counted_items(f, 'to', sec.recipient_state(f), c.handoff_late, c.from_kind);
        PERFORM sec.add_counts(c, f.to_agency_id, 'to', false, items, '{}', false);
        PERFORM sec.add_counts(c, f.to_agency_id, 'to', true, '{}', items, false);
        UPDATE public.counted_referral o SET to_barred = true WHERE o.referral_id = f.id;
    END IF;
END $$;

CREATE FUNCTION sec.count_out_blocked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM sec.count_out(NEW.referral_id);
    RETURN NULL;
END $$;

-- Someone joins an agency who is barred from referrals of it, as a member of another one.
CREATE FUNCTION sec.count_out_joined() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM sec.count_out(b.referral_id)
       FROM public.permissions_membership m
       JOIN public.conflict_block b ON b.bars_member_id = m.id
      WHERE m.person_id = NEW.person_id AND m.id <> NEW.id
      ORDER BY b.referral_id;
    RETURN NULL;
END $$;

-- A side is about to be purged: what it counts of the referral stays as it is now.
CREATE FUNCTION sec.settle_counts(referral uuid, side text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    c public.counted_referral;
    f public.referral;
    items text[];
BEGIN
    SELECT * INTO c FROM public.counted_referral o WHERE o.referral_id = settle_counts.referral
       FOR UPDATE;
    SELECT * INTO f FROM public.referral r WHERE r.id = settle_counts.referral;
    IF c.referral_id IS NULL THEN
        RETURN;
    ELSIF settle_counts.side = 'from' AND NOT f.from_purged THEN
        items := sec.counted_items(f, 'from', NULL, false, c.to_kind);
        PERFORM sec.add_counts(c, f.from_agency_id, 'from', c.from_barred, '{}', items, true);
        PERFORM sec.add_network_counts(c, f, '{}', items, true);
    ELSIF settle_counts.side = 'to' AND NOT f.to_purged THEN
        PERFORM sec.add_counts(c, f.to_agency_id, 'to', c.to_barred, '{}',
            sec.counted_items(f, 'to', sec.recipient_state(f), c.handoff_late, c.from_kind), true);
    END IF;
END $$;

REVOKE ALL ON FUNCTION sec.counted_time(interval),
    sec.counted_items(referral, text, text, boolean, text),
    sec.add_counts(counted_referral, uuid, text, boolean, text[], text[], boolean),
    sec.add_network_counts(counted_referral, referral, text[], text[], boolean),
    sec.recipient_state(referral), sec.has_ever_barred(uuid, uuid), sec.count_referral(),
    sec.count_own_side(), sec.count_out(uuid), sec.count_out_blocked(), sec.count_out_joined(),
    sec.settle_counts(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.settle_counts(uuid, text) TO jobs;
-- The tables' owner needs these to create its triggers; no one can call a trigger function.
GRANT EXECUTE ON FUNCTION sec.count_referral(), sec.count_own_side(), sec.count_out_blocked(),
    sec.count_out_joined() TO owner;
