-- as: definer
-- "I am awake, opening it": a member's word about an emergency that no one has acknowledged. It
-- pauses calls to others (R15) and changes nothing else: no state, no deadline, no event.

-- Record the member's one claim, and return until when it holds, also if it was there before. NULL:
-- they may not know of the referral or not answer it, it waits for no one, or their claim is over.
CREATE FUNCTION sec.record_claim(claim_id uuid, referral uuid, member uuid, way text)
RETURNS timestamptz LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    now timestamptz := sec.clock();
    holds timestamptz;
BEGIN
    IF member IS NULL OR NOT sec.may_notify_member(referral, member) THEN
        RETURN NULL;
    END IF;
    INSERT INTO public.awake_claim (id, referral_id, agency_id, member_id, person_id, at, until,
                                    how)
    SELECT claim_id, r.id, m.agency_id, m.id, m.person_id, now,
           least(now + interval '5 minutes', r.ack_by), way
      FROM public.referral r
      JOIN public.permissions_membership m ON m.agency_id = r.to_agency_id AND m.live
     WHERE r.id = referral AND m.id = member AND m.roles && ARRAY['worker', 'lead']
       AND r.status = 'sent' AND r.urgency = 'emergency' AND r.ack_by > now
    ON CONFLICT ON CONSTRAINT one_claim_a_person DO NOTHING;
    SELECT c.until INTO holds FROM public.awake_claim c
      JOIN public.permissions_membership m ON m.person_id = c.person_id
     WHERE c.referral_id = referral AND m.id = member AND c.agency_id = m.agency_id
       AND c.until > now;
    RETURN holds;
END $$;

-- The same for the member who asks in person, at the desk or by a tap on a notification.
CREATE FUNCTION sec.claim_awake(claim_id uuid, referral uuid, by_push boolean) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    RETURN sec.record_claim(claim_id, referral, sec.current_member_id(),
                            CASE WHEN by_push THEN 'push' ELSE 'desk' END);
END $$;

-- What was keyed in a call to a member's own line; whether it is right is known to the caller, who
-- has the key of the digits. Three wrong ones end it. `claimed`; `wrong`, which is the answer to
-- who may not know of the referral, too, whatever they key; `over`: someone has answered it, or its
-- time is up; `ended`. Each but the last is in the log, in the same transaction.
CREATE FUNCTION sec.key_claim(claim_id uuid, entry_id uuid, called uuid, is_right boolean,
    request uuid, prefix text)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    line record;
    why text := 'wrong_code';
BEGIN
    SELECT n.id, n.referral_id, n.agency_id, n.member_id, n.keys_wrong INTO line
      FROM public.message n
     WHERE n.id = called AND n.kind = 'voice' AND n.member_id IS NOT NULL
       AND n.referral_id IS NOT NULL
       FOR UPDATE;
    IF NOT FOUND OR line.keys_wrong >= 3 THEN
        RETURN 'ended';
    END IF;
    IF NOT sec.may_notify_member(line.referral_id, line.member_id) THEN
        why := 'not_found';
    ELSIF is_right THEN
        why := CASE WHEN sec.record_claim(claim_id, line.referral_id, line.member_id, 'call')
                         IS NULL THEN 'claim_over' END;
    END IF;
    INSERT INTO public.access_entry (id, agency_id, member_id, act, referral_id, decision, rule,
                                     request_id, address_prefix)
    VALUES (entry_id, line.agency_id, line.member_id, 'referral.claim', line.referral_id,
            CASE WHEN why IS NULL THEN 'allowed' ELSE 'refused' END, why, request, prefix);
    IF why IS NULL THEN
        RETURN 'claimed';
    END IF;
    UPDATE public.message n SET keys_wrong = n.keys_wrong + 1 WHERE n.id = line.id;
    RETURN CASE WHEN why = 'claim_over' THEN 'over' WHEN line.keys_wrong < 2 THEN 'wrong'
                ELSE 'ended' END;
END $$;

-- The claims of the caller's own side on referrals that they may work on.
CREATE FUNCTION sec.claims_of(referrals uuid[])
RETURNS TABLE (referral_id uuid, member_id uuid, until timestamptz, is_own boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    RETURN QUERY
    SELECT c.referral_id, c.member_id, c.until, c.person_id = me.person_id
      FROM public.awake_claim c JOIN public.referral f ON f.id = c.referral_id
     WHERE c.referral_id = ANY (referrals) AND c.agency_id = me.agency_id
       AND sec.may_see_referral(f.id, CASE WHEN NOT f.from_purged THEN f.from_agency_id END,
                          CASE WHEN NOT f.to_purged THEN f.to_agency_id END, f.sent_at, f.has_block,
                          sec.caseworker_agency_id())
     ORDER BY c.at, c.id;
END $$;

-- A push service says that the browser has ended its subscription: the device is no channel more.
CREATE FUNCTION sec.end_device(device uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    DELETE FROM public.channel c WHERE c.id = device AND c.kind = 'push'
$$;

REVOKE ALL ON FUNCTION sec.record_claim(uuid, uuid, uuid, text),
    sec.claim_awake(uuid, uuid, boolean),
    sec.key_claim(uuid, uuid, uuid, boolean, uuid, text), sec.claims_of(uuid[]),
    sec.end_device(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.claim_awake(uuid, uuid, boolean), sec.claims_of(uuid[]) TO app;
GRANT EXECUTE ON FUNCTION sec.key_claim(uuid, uuid, uuid, boolean, uuid, text) TO signin;
GRANT EXECUTE ON FUNCTION sec.end_device(uuid) TO jobs;
