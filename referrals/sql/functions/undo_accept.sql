-- as: definer
-- An accept by a slip of the thumb, taken back (docs/rules.md, act 29): once a referral, within
-- five minutes, by the holder, before the recipient opened or did anything.

-- Why the caller may not take the accept back: `not_accepted`, `undone_before`, `too_late`,
-- `worked_on_since`. NULL: they may. It says nothing of the sender's side.
CREATE FUNCTION sec.accept_undo_refusal(referral uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me record := sec.caller_relation(referral);
    accepted timestamptz;
BEGIN
    SELECT f.accepted_at INTO accepted
      FROM public.referral f
      JOIN public.referral_side s ON s.referral_id = f.id AND s.agency_id = f.to_agency_id
     WHERE f.id = referral AND f.to_agency_id = me.agency AND f.status = 'accepted'
       AND s.state = 'accepted' AND s.holder_id = me.member;
    IF accepted IS NULL THEN
        RETURN 'not_accepted';
    END IF;
    IF EXISTS (SELECT FROM public.referral_event e
                WHERE e.referral_id = referral AND e.act = 'undo_accept') THEN
        RETURN 'undone_before';
    END IF;
    IF sec.clock() > accepted + interval '5 minutes' THEN
        RETURN 'too_late';
    END IF;
    IF EXISTS (SELECT FROM public.referral_event e
                WHERE e.referral_id = referral AND e.agency_id = me.agency
                  AND e.at >= accepted AND e.act <> 'accept')
       OR EXISTS (SELECT FROM public.access_entry e
                   WHERE e.referral_id = referral AND e.agency_id = me.agency
                     AND e.at >= accepted AND e.decision = 'allowed'
                     AND e.act IN ('referral.open_packet', 'referral.open_notes',
                                   'referral.account_disclosures')) THEN
        RETURN 'worked_on_since';
    END IF;
    RETURN NULL;
END $$;

-- Take the accept back; returns the members who are assigned on the recipient's side now, the
-- holder first. What is ready for the recipient stays sealed until the next accept. The frozen
-- deadlines go on; who answers now has ten minutes at least. Who held it before holds it again, if
-- they still may; if not, the caller does.
CREATE FUNCTION sec.undo_accept(row_id uuid, referral uuid) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me record := sec.caller_relation(referral);
    before uuid[];
    earlier uuid;
BEGIN
    IF sec.writer_agency_id() IS DISTINCT FROM me.agency
       OR sec.accept_undo_refusal(referral) IS NOT NULL THEN
        RAISE EXCEPTION 'no such accept' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE public.packet_grant g SET opened_at = NULL
     WHERE g.referral_id = referral AND g.agency_id = me.agency AND g.release_id IS NOT NULL;
    UPDATE public.referral f
       SET status = 'acknowledged', acknowledged_at = coalesce(f.acknowledged_at, f.accepted_at),
           accepted_at = NULL, version = f.version + 1,
           accept_by = greatest(f.accept_by, sec.clock() + interval '10 minutes'),
           expires_at = greatest(f.expires_at, sec.clock() + interval '10 minutes')
     WHERE f.id = referral;
    UPDATE public.referral_side s
       SET state = NULL, handoff_by = NULL, escalated_at = NULL, version = s.version + 1
     WHERE s.referral_id = referral AND s.agency_id = me.agency
    RETURNING s.before_accept INTO before;
    SELECT m.id INTO earlier
      FROM public.permissions_membership m
     WHERE m.id = before[1] AND m.id <> me.member AND m.agency_id = me.agency AND m.live
       AND m.roles && ARRAY['worker', 'lead']
       AND NOT sec.is_person_blocked(referral, me.agency, m.person_id, 'lead' = ANY (m.roles),
                                     NULL);
    IF earlier IS NOT NULL THEN
        PERFORM sec.insert_assignment(row_id, referral, me.agency, earlier);
        PERFORM sec.set_holder(referral, me.agency, earlier, me.member,
                               me.member = ANY (before[2:]));
    END IF;
    RETURN sec.assigned_member_ids(referral, me.agency, coalesce(earlier, me.member));
END $$;

REVOKE ALL ON FUNCTION sec.accept_undo_refusal(uuid), sec.undo_accept(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.accept_undo_refusal(uuid), sec.undo_accept(uuid, uuid) TO app;
