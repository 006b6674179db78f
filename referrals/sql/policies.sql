-- Who sees and writes which row of a referral: the second wall. Default deny; every policy is
-- written positively, so that NULL (no token) refuses. The first wall is referrals/transitions.py;
-- the sentence both follow is the last one of design §2.

ALTER TABLE referral ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral FORCE ROW LEVEL SECURITY;
ALTER TABLE referral_side ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_side FORCE ROW LEVEL SECURITY;
ALTER TABLE referral_assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_assignment FORCE ROW LEVEL SECURITY;
ALTER TABLE release ENABLE ROW LEVEL SECURITY;
ALTER TABLE release FORCE ROW LEVEL SECURITY;
ALTER TABLE release_end ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_end FORCE ROW LEVEL SECURITY;
ALTER TABLE release_paper ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_paper FORCE ROW LEVEL SECURITY;
ALTER TABLE packet_field ENABLE ROW LEVEL SECURITY;
ALTER TABLE packet_field FORCE ROW LEVEL SECURITY;
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
ALTER TABLE note FORCE ROW LEVEL SECURITY;
ALTER TABLE referral_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_event FORCE ROW LEVEL SECURITY;
ALTER TABLE call_record ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_record FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_key FORCE ROW LEVEL SECURITY;

-- Where an event stands in the feeds (feed.sql). Two indexes: a feed is the merge of what its
-- agency sent and what it was sent.
ALTER TABLE referral_event ADD COLUMN xact bigint NOT NULL DEFAULT sec.xact();
ALTER TABLE referral_event ALTER COLUMN reserved SET DEFAULT false;
CREATE INDEX referral_event_from ON referral_event (from_agency_id, xact, id) WHERE from_sees;
CREATE INDEX referral_event_to ON referral_event (to_agency_id, xact, id) WHERE to_sees;

-- gate: what the functions below read, and the recipient's grants they alone write -------------

GRANT SELECT ON referral, referral_side, referral_assignment, release TO gate;
GRANT SELECT, INSERT, UPDATE ON packet_grant TO gate;
CREATE POLICY gate_reads ON referral FOR SELECT TO gate USING (true);
CREATE POLICY gate_reads ON referral_side FOR SELECT TO gate USING (true);
CREATE POLICY gate_reads ON referral_assignment FOR SELECT TO gate USING (true);
CREATE POLICY gate_reads ON release FOR SELECT TO gate USING (true);
CREATE POLICY gate_keeps ON packet_grant TO gate USING (true) WITH CHECK (true);

-- Questions the policies ask ----------------------------------------------------------------------

-- Opaque to the planner on purpose (plpgsql): an SQL body would be inlined and flip the plan.
CREATE FUNCTION sec.sees(
    r uuid, f uuid, t uuid, sent timestamptz, has_block boolean, agency uuid
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF agency = f OR (agency = t AND sent IS NOT NULL) THEN
        IF has_block THEN
            RETURN sec.not_barred(r);  -- off the common path: it reads a table
        END IF;
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- The agency, if the caller may write: a worker or lead, or a client with referrals:write that
-- names one (R15).
CREATE FUNCTION sec.writer() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.member_id IS NOT NULL AND me.roles && ARRAY['worker', 'lead'] THEN
        IF me.client_id IS NULL OR 'referrals:write' = ANY (me.scopes) THEN
            RETURN me.agency_id;
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION sec.assigned(r uuid) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF EXISTS (SELECT FROM public.referral_assignment s
                WHERE s.content_object_id = r AND s.membership_id = me.member_id
                  AND s.agency_id = me.agency_id) THEN
        RETURN sec.not_barred(r);
    END IF;
    RETURN false;
END $$;

-- Assigned to it, or a lead of a side: who may see and end a release.
CREATE FUNCTION sec.answers_for(r uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF 'lead' = ANY (me.roles) THEN
        RETURN sec.not_barred(r);
    ELSIF sec.assigned(r) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- R14: where she could not say whether she agrees, nothing of a packet is written or opened until
-- a release was put since (her own consent, or R6's in her place). False to whoever may not see it.
CREATE FUNCTION sec.agreed(r uuid) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM public.referral f
                WHERE f.id = r
                  AND (f.agreement IS DISTINCT FROM 'cannot_say'
                       OR EXISTS (SELECT FROM public.release l WHERE l.referral_id = r
                                     AND l.direction = 'outbound'
                                     AND l.created_at >= f.sent_at))) THEN
        RETURN sec.not_barred(r);
    END IF;
    RETURN false;
END $$;

-- R11 in the policy: what an access entry of *this transaction*, by this caller, with a purpose of
-- use, has opened; and whether she may open it (design §2, "Who opens a packet or a note").
-- Returns the referral and the fields, or NULLs.
CREATE FUNCTION sec.opening(what text, OUT r uuid, OUT open_fields text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    current_xact bigint := pg_current_xact_id_if_assigned()::text::bigint;
    now timestamptz := sec.clock();
    entry record;
    own_side boolean;
    granted text[];
BEGIN
    r := NULL;
    open_fields := NULL;
    IF me.member_id IS NULL OR NOT coalesce(me.roles && ARRAY['worker', 'lead'], false) THEN
        RETURN;
    END IF;
    IF me.client_id IS NOT NULL
       AND NOT ('packets:read' = ANY (me.scopes) AND me.system_of_record) THEN
        RETURN;
    END IF;
    SELECT e.referral_id, e.fields, e.release_id INTO entry
      FROM public.access_entry e
     WHERE e.xact = current_xact
       -- since this transaction began: finds the partition; `xact` is the deciding test
       AND e.at >= transaction_timestamp() + sec.shift() AND e.at <= now
       AND e.act = what AND e.decision = 'allowed'
       AND e.agency_id = me.agency_id AND e.member_id = me.member_id
       AND e.client_id IS NOT DISTINCT FROM me.client_id
       AND e.purpose IN ('intake', 'service', 'safety', 'hand_off', 'review', 'legal_duty')
     ORDER BY e.id DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT f.from_agency_id = me.agency_id INTO own_side
      FROM public.referral f
     WHERE f.id = entry.referral_id
       AND sec.sees(f.id, CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
                    CASE WHEN NOT f.to_purged THEN f.to_agency_id END, f.sent_at, f.has_block,
                    me.agency_id)
       AND EXISTS (SELECT FROM public.referral_assignment s
                    WHERE s.content_object_id = f.id AND s.membership_id = me.member_id
                      AND s.agency_id = me.agency_id)
       AND (what = 'referral.open_notes' OR f.agreement IS DISTINCT FROM 'cannot_say'
            OR sec.agreed(f.id));
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF what = 'referral.open_notes' OR own_side THEN
        r := entry.referral_id;
        open_fields := entry.fields;
        RETURN;
    END IF;
    SELECT g.fields INTO granted
      FROM public.packet_grant g
      JOIN public.release l ON l.id = g.release_id AND NOT l.ended AND l.expires_at > now
      LEFT JOIN public.referral_side s
             ON s.referral_id = g.referral_id AND s.agency_id = g.agency_id
     WHERE g.referral_id = entry.referral_id AND g.agency_id = me.agency_id
       -- one that names a release is of no other: of none that came since she saw it
       AND g.release_id = coalesce(entry.release_id, g.release_id)
       AND g.opened_at IS NOT NULL AND NOT g.closed AND g.key_bundle IS NOT NULL
       AND g.expires_at > now
       AND s.state IS DISTINCT FROM 'stopped';
    IF FOUND THEN
        r := entry.referral_id;
        open_fields := entry.fields;
        IF NOT granted @> entry.fields THEN
            open_fields := ARRAY(SELECT unnest(entry.fields) INTERSECT SELECT unnest(granted));
        END IF;
    END IF;
END $$;
-- The same as rows, asked once a scan: a packet's policy needs both at once.
CREATE FUNCTION sec.opened() RETURNS TABLE (r uuid, field text)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20 AS $$
BEGIN
    RETURN QUERY SELECT o.r, unnest(o.open_fields) FROM sec.opening('referral.open_packet') o;
END $$;
CREATE FUNCTION sec.opened_notes() RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (sec.opening('referral.open_notes')).r;
END $$;

-- What a statement says that found nothing where it must: an error, so that the entry written
-- before it goes too.
CREATE FUNCTION sec.nothing() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'nothing is open' USING ERRCODE = 'no_data_found';
END $$;

-- What whoever opens something must know of her own side first: its row, whether she is assigned,
-- her agency's live grant. In one look: the policies own_side, own_staff and own_grant would ask
-- five times who she is. It tells what they do, and nothing without an acting member (R15); the
-- random worlds hold it against them (tests/support/rls_probe.py).
CREATE FUNCTION sec.own_part(
    r uuid, OUT subject uuid, OUT holder uuid, OUT state text, OUT assigned boolean,
    OUT fields text[], OUT release uuid, OUT until timestamptz, OUT kek int, OUT bundle bytea,
    OUT notice text
) LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    assigned := false;
    IF me.roles && ARRAY['worker', 'lead']  -- a member's, who acts or is named
       AND (me.client_id IS NULL OR 'referrals:read' = ANY (me.scopes)) AND sec.not_barred(r) THEN
        SELECT s.subject, s.holder_id, s.state, a.id IS NOT NULL, g.fields, g.release_id,
               g.expires_at, g.kek_version, g.key_bundle, g.redisclosure_notice
          INTO subject, holder, state, assigned, fields, release, until, kek, bundle, notice
          FROM (SELECT) one
          LEFT JOIN public.referral_side s ON s.referral_id = r AND s.agency_id = me.agency_id
          LEFT JOIN public.referral_assignment a
                 ON a.content_object_id = r AND a.agency_id = me.agency_id
                AND a.membership_id = me.member_id
          LEFT JOIN public.packet_grant g
                 ON g.referral_id = r AND g.agency_id = me.agency_id AND a.id IS NOT NULL
                AND (g.release_id IS NULL
                     OR (g.opened_at IS NOT NULL AND NOT g.closed AND g.expires_at > sec.clock()));
    END IF;
END $$;

-- Before sending: is there anybody to answer? A yes or no, never who (their staff list is theirs).
-- Whom a block of the caller's side bars, does not count (R12); what the other side's bars is T4.
CREATE FUNCTION sec.can_answer(agency uuid, r uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    seen uuid := CASE WHEN sec.not_barred(r) THEN r END;  -- else as if there were none
BEGIN
    IF EXISTS (
        SELECT FROM public.permissions_agency a
          JOIN public.permissions_membership m ON m.agency_id = a.id AND m.active
          JOIN public.permissions_person p ON p.id = m.person_id AND p.is_active
         WHERE a.id = agency AND a.active AND a.takes_notices
           AND m.roles && ARRAY['worker', 'lead']
           AND NOT sec.bars(seen, agency, m.person_id, 'lead' = ANY (m.roles), sec.caller())) THEN
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- The recipient's grant is never seen by the sender, who nevertheless fills it: granting is
-- wrapping (design §7). After the recipient's own stop or purge nothing is stored, and the sender
-- is answered as ever (R2).
CREATE FUNCTION sec.put_grant(
    grant_id uuid, r uuid, by_release uuid, field_names text[], kek int, bundle bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    about record;
BEGIN
    SELECT f.to_agency_id, f.to_purged, f.accepted_at, l.expires_at, l.redisclosure_notice
      INTO about
      FROM public.referral f
      JOIN public.release l ON l.id = by_release AND l.referral_id = f.id AND NOT l.ended
                           AND l.direction = 'outbound' AND l.fields @> field_names
                           AND l.expires_at > sec.clock()
                           AND (f.agreement IS DISTINCT FROM 'cannot_say'
                                OR l.created_at >= f.sent_at)
     WHERE f.id = r AND f.from_agency_id = sec.writer();
    IF NOT FOUND OR NOT sec.assigned(r) THEN
        RAISE EXCEPTION 'no such grant' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF about.to_purged
       OR EXISTS (SELECT FROM public.referral_side s WHERE s.referral_id = r
                     AND s.agency_id = about.to_agency_id AND s.state = 'stopped') THEN
        RETURN;
    END IF;
    INSERT INTO public.packet_grant AS g (id, referral_id, agency_id, release_id, fields, opened_at,
                                          expires_at, closed, kek_version, key_bundle,
                                          redisclosure_notice)
    VALUES (grant_id, r, about.to_agency_id, by_release, field_names,
            CASE WHEN about.accepted_at IS NOT NULL THEN sec.clock() END,
            about.expires_at, false, kek, bundle, about.redisclosure_notice)
    ON CONFLICT (referral_id, agency_id) DO UPDATE
       SET release_id = excluded.release_id, fields = excluded.fields,
           opened_at = excluded.opened_at, expires_at = excluded.expires_at, closed = false,
           kek_version = excluded.kek_version, key_bundle = excluded.key_bundle,
           redisclosure_notice = excluded.redisclosure_notice;
END $$;

-- By the recipient's accept, which has just been written in this transaction.
CREATE FUNCTION sec.open_grant(r uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.packet_grant g SET opened_at = sec.clock()
      FROM public.referral f
     WHERE g.referral_id = r AND f.id = r AND g.agency_id = f.to_agency_id
       AND f.to_agency_id = sec.writer() AND f.status = 'accepted' AND sec.assigned(r)
       AND g.opened_at IS NULL AND NOT g.closed;
END $$;

-- By either side: the recipient's bundle is destroyed, the sender's own stays until purge.
CREATE FUNCTION sec.close_grant(r uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.packet_grant g SET closed = true, key_bundle = NULL, kek_version = NULL
      FROM public.referral f
     WHERE g.referral_id = r AND f.id = r AND g.agency_id = f.to_agency_id
       AND sec.writer() IN (f.from_agency_id, f.to_agency_id)
       AND sec.answers_for(r);
END $$;

-- app: the policies ------------------------------------------------------------------------------

GRANT SELECT ON referral_assignment TO app;  -- written by the functions of staff.sql alone
-- All columns but `has_block` and `to_purged`: never served, and the database alone keeps them.
DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['referral', 'referral_side'] LOOP
        EXECUTE (SELECT format('GRANT SELECT (%1$s), INSERT (%1$s) ON %2$I TO app',
                               string_agg(quote_ident(attname), ', '), relation)
                   FROM pg_attribute WHERE attrelid = relation::regclass AND attnum > 0
                    AND NOT attisdropped AND attname NOT IN ('has_block', 'to_purged'));
    END LOOP;
END $$;
GRANT SELECT, INSERT ON release, release_end, release_paper,
    packet_field, note, referral_event, call_record, idempotency_key, packet_grant,
    private_key TO app;
-- Who refers whom, when it began and what it is called never changes.
GRANT UPDATE (status, version, sent_at, acknowledged_at, accepted_at, ended_at, ack_by, accept_by,
              expires_at, handoff_within, from_asks_ring_at, to_asks_ring_at, code,
              suggested_service_id, release_ended, urgency, needs, callback, concern, age_band,
              household_size, language, interpreter, interpreter_not_local, access_needs, wanted,
              with_worker_until, survivor_can_talk_now, agreement) ON referral TO app;
GRANT UPDATE (state, handoff_by, escalated_at, version) ON referral_side TO app;
GRANT UPDATE (ended) ON release TO app;
GRANT UPDATE (fields, kek_version, key_bundle) ON packet_grant TO app;

-- nullif(…, false) IS NOT NULL says what the bare function does, which the planner takes for one
-- that lets a third of the rows through; this for one that lets nearly all: each query has its own
-- filter.
CREATE POLICY sides_see ON referral FOR SELECT TO app USING (nullif(
    sec.sees(id, CASE WHEN NOT from_purged THEN from_agency_id END,
             CASE WHEN NOT to_purged THEN to_agency_id END, sent_at, has_block,
             (SELECT sec.caseworker())), false) IS NOT NULL);
CREATE POLICY sender_creates ON referral FOR INSERT TO app WITH CHECK (
    from_agency_id = (SELECT sec.writer()) AND sent_at IS NULL AND status = 'draft');
CREATE POLICY sides_change ON referral FOR UPDATE TO app
    USING (sec.sees(id, CASE WHEN NOT from_purged THEN from_agency_id END,
                    CASE WHEN NOT to_purged THEN to_agency_id END, sent_at, has_block,
                    (SELECT sec.caseworker())))
    WITH CHECK (sec.sees(id, CASE WHEN NOT from_purged THEN from_agency_id END,
                         CASE WHEN NOT to_purged THEN to_agency_id END, sent_at, has_block,
                         (SELECT sec.writer())));

-- A child that points at a parent its writer cannot see would else be accepted: each WITH CHECK
-- asks for the parent, under the writer's own policies. Nobody writes in a colleague's name.
CREATE POLICY own_side ON referral_side FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker()) AND (NOT has_block OR sec.not_barred(referral_id)));
CREATE POLICY own_side_begins ON referral_side FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND holder_id IS NULL  -- named by sec.take, sec.hand_over
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND agency_id IN (r.from_agency_id, r.to_agency_id)));
CREATE POLICY own_side_changes ON referral_side FOR UPDATE TO app
    USING (agency_id = (SELECT sec.caseworker())
           AND (NOT has_block OR sec.not_barred(referral_id)))
    WITH CHECK (agency_id = (SELECT sec.writer()));

CREATE POLICY own_staff ON referral_assignment FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker()) AND sec.not_barred(content_object_id));

CREATE POLICY sender_reads ON release FOR SELECT TO app USING (
    from_agency_id = (SELECT sec.caseworker()) AND sec.answers_for(referral_id));
CREATE POLICY recipient_reads ON release FOR SELECT TO app USING (
    direction = 'outbound' AND to_agency_id = (SELECT sec.caseworker())
    AND sec.answers_for(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id AND r.accepted_at IS NOT NULL));
CREATE POLICY sender_writes ON release FOR INSERT TO app WITH CHECK (
    direction = 'outbound' AND from_agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id)
    AND NOT ended
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = release.from_agency_id
                   AND r.to_agency_id = release.to_agency_id));
CREATE POLICY recipient_returns ON release FOR INSERT TO app WITH CHECK (
    direction = 'return' AND from_agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id)
    AND NOT ended
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id AND r.accepted_at IS NOT NULL
                   AND r.to_agency_id = release.from_agency_id
                   AND r.from_agency_id = release.to_agency_id));
CREATE POLICY sides_end ON release FOR UPDATE TO app
    USING (EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                      AND (release.from_agency_id = (SELECT sec.caseworker())
                           OR (direction = 'outbound' AND r.accepted_at IS NOT NULL))))
    WITH CHECK (ended AND sec.answers_for(referral_id)
                AND (SELECT sec.writer()) IN (from_agency_id, to_agency_id));

CREATE POLICY own_paper ON release_paper FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker())
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id));
CREATE POLICY own_paper_begins ON release_paper FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer())
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id
                   AND l.from_agency_id = release_paper.agency_id));

CREATE POLICY own_end ON release_end FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker())
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id));
CREATE POLICY own_end_begins ON release_end FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND revoked_by = (SELECT (sec.identity()).member_id)
    AND EXISTS (SELECT FROM release l WHERE l.id = release_id));

CREATE POLICY opened ON packet_field FOR SELECT TO app USING (
    (referral_id, field) IN (SELECT o.r, o.field FROM sec.opened() o));
CREATE POLICY sender_writes ON packet_field FOR INSERT TO app WITH CHECK (
    from_agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id) AND sec.agreed(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = packet_field.from_agency_id));

CREATE POLICY opened ON note FOR SELECT TO app USING (
    referral_id = (SELECT sec.opened_notes()) AND agency_id = (SELECT sec.caseworker()));
CREATE POLICY own_side_writes ON note FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND member_id = (SELECT (sec.identity()).member_id)
    AND sec.assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND agency_id IN (r.from_agency_id, r.to_agency_id)));

-- Once she is let in again, what kept her out is not told to whom it barred: a member; of the
-- recipient, all but its leads (R12).
CREATE POLICY side_knows ON referral_event FOR SELECT TO app USING (
    ((from_agency_id = (SELECT sec.event_reader()) AND from_sees)
     OR (to_agency_id = (SELECT sec.event_reader()) AND to_sees
         AND (act NOT IN ('leads_only', 'end_leads_only')
              OR 'lead' = ANY ((SELECT (sec.identity()).roles)::text[]))))
    AND (NOT reserved OR sec.answers_for(referral_id))
    AND (act NOT IN ('block', 'unblock')
         OR about_id IS DISTINCT FROM (SELECT (sec.identity()).member_id))
    AND sec.not_barred(referral_id));
CREATE POLICY side_records ON referral_event FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND member_id = (SELECT (sec.identity()).member_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = referral_event.from_agency_id
                   AND r.to_agency_id = referral_event.to_agency_id
                   AND NOT (from_sees AND r.from_purged)));

CREATE POLICY own_calls ON call_record FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker()) AND member_id = (SELECT (sec.identity()).member_id));
CREATE POLICY own_calls_begin ON call_record FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND member_id = (SELECT (sec.identity()).member_id));

CREATE POLICY own_keys ON idempotency_key FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker())
    AND caller_id = (SELECT coalesce((sec.identity()).client_id, (sec.identity()).member_id)));
CREATE POLICY own_keys_begin ON idempotency_key FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer())
    AND caller_id = (SELECT coalesce((sec.identity()).client_id, (sec.identity()).member_id)));

-- A recipient's own grant is hidden until the accept and after its end; then the bundle is wrapped
-- for that agency's key alone.
CREATE POLICY own_grant ON packet_grant FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker()) AND sec.assigned(referral_id)
    AND (release_id IS NULL
         OR (opened_at IS NOT NULL AND NOT closed AND expires_at > (SELECT sec.clock()))));
CREATE POLICY sender_keeps ON packet_grant FOR INSERT TO app WITH CHECK (
    release_id IS NULL AND agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = packet_grant.agency_id));
CREATE POLICY sender_rewraps ON packet_grant FOR UPDATE TO app
    USING (agency_id = (SELECT sec.caseworker()) AND sec.assigned(referral_id)
           AND (release_id IS NULL
                OR (opened_at IS NOT NULL AND NOT closed AND expires_at > (SELECT sec.clock()))))
    WITH CHECK (release_id IS NULL AND agency_id = (SELECT sec.writer()));

CREATE POLICY own_private_key ON private_key FOR SELECT TO app USING (
    agency_id = (SELECT sec.caseworker()) AND sec.assigned(referral_id));
CREATE POLICY own_private_key_begins ON private_key FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND agency_id IN (r.from_agency_id, r.to_agency_id)));

-- The agency that set it; and that only its leads may is known to the recipient's leads. One that
-- was lifted, to nobody: it would tell whom it barred.
GRANT SELECT ON conflict_block TO app;
CREATE POLICY own_side ON conflict_block FOR SELECT TO app USING (
    (agency_id = (SELECT sec.caseworker())
     OR (kind = 'leads_only' AND bars_agency_id = (SELECT sec.caseworker())))
    AND lifted_at IS NULL AND sec.answers_for(referral_id));

REVOKE ALL ON FUNCTION sec.sees(uuid, uuid, uuid, timestamptz, boolean, uuid), sec.writer(),
    sec.assigned(uuid), sec.agreed(uuid), sec.answers_for(uuid), sec.can_answer(uuid, uuid),
    sec.opening(text), sec.own_part(uuid), sec.nothing(),
    sec.opened(), sec.opened_notes(), sec.open_grant(uuid),
    sec.close_grant(uuid), sec.put_grant(uuid, uuid, uuid, text[], int, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.sees(uuid, uuid, uuid, timestamptz, boolean, uuid) TO app, gate;
GRANT EXECUTE ON FUNCTION sec.writer(), sec.assigned(uuid), sec.agreed(uuid), sec.answers_for(uuid),
    sec.can_answer(uuid, uuid), sec.opened(), sec.own_part(uuid), sec.nothing(),
    sec.opened_notes(), sec.open_grant(uuid), sec.close_grant(uuid),
    sec.put_grant(uuid, uuid, uuid, text[], int, bytea) TO app;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.writer() OWNER TO gate;
ALTER FUNCTION sec.assigned(uuid) OWNER TO gate;
ALTER FUNCTION sec.agreed(uuid) OWNER TO gate;
ALTER FUNCTION sec.answers_for(uuid) OWNER TO gate;
ALTER FUNCTION sec.opening(text) OWNER TO gate;
ALTER FUNCTION sec.own_part(uuid) OWNER TO gate;
ALTER FUNCTION sec.can_answer(uuid, uuid) OWNER TO gate;
ALTER FUNCTION sec.opened() OWNER TO gate;
ALTER FUNCTION sec.opened_notes() OWNER TO gate;
ALTER FUNCTION sec.put_grant(uuid, uuid, uuid, text[], int, bytea) OWNER TO gate;
ALTER FUNCTION sec.open_grant(uuid) OWNER TO gate;
ALTER FUNCTION sec.close_grant(uuid) OWNER TO gate;
