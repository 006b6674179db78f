-- A referral's life beyond the first answer: the clocks, the sender's plan, a machine's receipt,
-- what was marked as an error. Who may is asked here once more (the first wall:
-- permissions/policy.py).

-- The plan: the sender's own, for its assigned members. Nobody in the list learns of the others.
ALTER TABLE referral_plan ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_plan FORCE ROW LEVEL SECURITY;
CREATE INDEX referral_plan_replaces ON referral_plan (replaces_id) WHERE replaces_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (services) ON referral_plan TO app;
CREATE POLICY own_plan ON referral_plan FOR SELECT TO app
    USING (agency_id = (SELECT sec.caseworker()) AND sec.assigned(referral_id));
CREATE POLICY own_plan_begins ON referral_plan FOR INSERT TO app WITH CHECK (
    agency_id = (SELECT sec.writer()) AND sec.assigned(referral_id)
    AND EXISTS (SELECT FROM referral r WHERE r.id = referral_id
                   AND r.from_agency_id = referral_plan.agency_id));
CREATE POLICY own_plan_changes ON referral_plan FOR UPDATE TO app
    USING (agency_id = (SELECT sec.caseworker()) AND sec.assigned(referral_id))
    WITH CHECK (agency_id = (SELECT sec.writer()));

-- R15: a system of the recipient's has it. An event of its own side and nothing else: it silences
-- no alarm, and names nobody where nobody is named.
GRANT INSERT ON referral_event TO gate;
CREATE POLICY gate_delivers ON referral_event FOR INSERT TO gate
    WITH CHECK (act = 'delivered' AND to_sees AND NOT from_sees);
CREATE FUNCTION sec.deliver(event_id uuid, r uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    INSERT INTO public.referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,
                                       agency_id, member_id, reserved, from_sees, to_sees)
    SELECT event_id, f.id, f.from_agency_id, f.to_agency_id, sec.clock(), 'delivered',
           me.agency_id, me.member_id, false, false, true
      FROM public.referral f
     WHERE f.id = r AND f.to_agency_id = sec.caseworker() AND me.client_id IS NOT NULL
       AND f.status = 'sent' AND sec.not_barred(f.id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- Whether the caller herself has opened this packet: two are the same person's to say only for whom
-- has read both. What she may not see answers as what she has not opened (R3).
CREATE FUNCTION sec.opened_by_me(r uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF EXISTS (SELECT FROM public.access_entry e
                WHERE e.referral_id = r AND e.agency_id = me.agency_id
                  AND e.member_id = me.member_id
                  AND e.act = 'referral.open_packet' AND e.decision = 'allowed') THEN
        RETURN sec.not_barred(r);
    END IF;
    RETURN false;
END $$;

-- What a misdirected packet has to be reported by (design §4, act 18): how many of the recipient's
-- people opened it and when, never who. For those who answer for it at the sender, once it is
-- marked as an error; of everything else it says nothing.
CREATE FUNCTION sec.openings(r uuid, OUT people int, OUT times timestamptz[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    people := NULL;
    times := NULL;
    IF EXISTS (SELECT FROM public.referral f
                WHERE f.id = r AND f.status = 'entered_in_error'
                  AND f.from_agency_id = sec.caseworker() AND sec.answers_for(r)) THEN
        SELECT count(DISTINCT e.member_id)::int, coalesce(array_agg(e.at ORDER BY e.at), '{}')
          INTO people, times
          FROM public.referral f
          JOIN public.access_entry e ON e.referral_id = f.id AND e.agency_id = f.to_agency_id
           AND e.act = 'referral.open_packet' AND e.decision = 'allowed'
         WHERE f.id = r;
    END IF;
END $$;

-- The clocks (acts 19 and 20) run as `jobs`: a referral that nobody answered is flagged, then
-- expires; so is a hand-off that nobody tried. Nothing else of them changes by a clock.
GRANT SELECT (ack_by, accept_by, escalated_at, version),
      UPDATE (status, ended_at, escalated_at, version) ON referral TO jobs;
GRANT SELECT (handoff_by, escalated_at), UPDATE (escalated_at) ON referral_side TO jobs;
CREATE POLICY jobs_expire ON referral FOR UPDATE TO jobs
    USING (status IN ('sent', 'acknowledged')) WITH CHECK (
        status = 'expired' OR (status IN ('sent', 'acknowledged') AND escalated_at IS NOT NULL));
-- Policies add up (purge has one of its own): what was answered never expires, whoever says so.
CREATE FUNCTION sec.only_waiting_expires() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it was answered' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER only_waiting_expires BEFORE UPDATE OF status ON referral FOR EACH ROW
    WHEN (NEW.status = 'expired' AND OLD.status NOT IN ('sent', 'acknowledged', 'expired'))
    EXECUTE FUNCTION sec.only_waiting_expires();
-- So is what a side said at its end, her stop before all: nobody takes it back.
CREATE FUNCTION sec.an_end_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it has ended' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER an_end_stays BEFORE UPDATE OF state ON referral_side FOR EACH ROW
    WHEN (OLD.state IN ('completed', 'unable', 'stopped') AND NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION sec.an_end_stays();
-- Nor is it a mistake from the sender's fixed moment on: that would tell it what was opened since.
CREATE TRIGGER no_late_mistake BEFORE UPDATE OF status ON referral FOR EACH ROW
    WHEN (NEW.status = 'entered_in_error' AND OLD.status <> 'entered_in_error'
          AND (OLD.ended_at IS NOT NULL
               OR OLD.accepted_at + interval '7 days' <= sec.clock()))
    EXECUTE FUNCTION sec.an_end_stays();
CREATE POLICY jobs_flag ON referral_side FOR UPDATE TO jobs
    USING (true) WITH CHECK (state IN ('accepted', 'in_handoff') AND escalated_at IS NOT NULL);
CREATE POLICY jobs_ring ON referral_event FOR INSERT TO jobs WITH CHECK (
    agency_id IS NULL AND member_id IS NULL
    AND ((act = 'expire' AND from_sees AND to_sees)
         OR (act = 'escalated' AND code IN ('ack_by', 'accept_by') AND from_sees AND to_sees)
         OR (act = 'escalated' AND code = 'handoff_by' AND to_sees AND NOT from_sees)));
CREATE INDEX referral_waiting ON referral (expires_at) WHERE status IN ('sent', 'acknowledged');
CREATE INDEX referral_unseen ON referral (from_agency_id, to_agency_id, sent_at)
    WHERE status IN ('sent', 'withdrawn') AND acknowledged_at IS NULL;
CREATE INDEX side_untried ON referral_side (handoff_by) WHERE handoff_by IS NOT NULL;

-- Purge (R13) takes the plan with the sender's part, and a link to what is gone.
GRANT SELECT (referral_id, agency_id, replaces_id), UPDATE (replaces_id), DELETE
    ON referral_plan TO jobs;
CREATE POLICY jobs_see ON referral_plan FOR SELECT TO jobs USING (true);
CREATE POLICY jobs_purge ON referral_plan FOR DELETE TO jobs USING (true);
CREATE POLICY jobs_unlink ON referral_plan FOR UPDATE TO jobs
    USING (true) WITH CHECK (replaces_id IS NULL);

REVOKE ALL ON FUNCTION sec.deliver(uuid, uuid), sec.opened_by_me(uuid), sec.openings(uuid),
    sec.only_waiting_expires(), sec.an_end_stays() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.deliver(uuid, uuid), sec.opened_by_me(uuid), sec.openings(uuid)
    TO app;
-- Last: once gate owns them, `owner` can no longer say who may execute them.
ALTER FUNCTION sec.deliver(uuid, uuid) OWNER TO gate;
ALTER FUNCTION sec.opened_by_me(uuid) OWNER TO gate;
ALTER FUNCTION sec.openings(uuid) OWNER TO gate;
