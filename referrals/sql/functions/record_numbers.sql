-- as: definer
-- An agency's own numbers for referrals (ADR 0110). What they hold is sealed, and found by a hash
-- whose key is not in the database.

-- The numbers of the caller's own agency, of referrals that the acting member works on and that do
-- not bar them; `referrals`: only of these, NULL: of all. Nothing else is read: the work does not
-- say whether anyone else's referral has a number, or which.
CREATE FUNCTION sec.own_record_numbers(referrals uuid[])
RETURNS TABLE (referral_id uuid, kek_version int, key_bundle bytea, access bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10 AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.caseworker_agency_id();
BEGIN
    RETURN QUERY
    SELECT n.referral_id, n.kek_version, n.key_bundle, b.sealed
      FROM public.referral_assignment s
      JOIN public.record_number n ON n.referral_id = s.content_object_id AND n.agency_id = mine
      LEFT JOIN public.bound_access b ON b.referral_id = n.referral_id
     WHERE s.membership_id = me.member_id AND s.agency_id = mine
       AND (referrals IS NULL OR s.content_object_id = ANY (referrals))
       AND sec.is_not_blocked(n.referral_id);
END $$;

-- The referrals with this number, among those above. All of them are read, whichever has it.
CREATE FUNCTION sec.referral_ids_by_number(hash bytea) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    mine uuid := sec.caseworker_agency_id();
    working uuid[] := ARRAY(SELECT o.referral_id FROM sec.own_record_numbers(NULL) o);
BEGIN
    RETURN ARRAY(SELECT n.referral_id FROM public.record_number n
                  WHERE n.agency_id = mine AND n.referral_id = ANY (working) AND n.keyed = hash);
END $$;

-- Store the number of a referral that the acting member works on, in place of the last one. False,
-- and nothing is stored, if another referral of theirs has it and `once` is asked for. A referral
-- that they do not work on, or that bars them, is never compared (R3). Two of theirs at once wait
-- for each other; those of other members do not.
CREATE FUNCTION sec.store_record_number(
    number_id uuid, referral uuid, hash bytea, kek int, bundle bytea, once boolean
) RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
    mine uuid := sec.writer_agency_id();
BEGIN
    IF mine IS NULL OR NOT sec.is_assigned(referral) THEN
        RAISE EXCEPTION 'no such referral' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('record_number:' || me.member_id, 0));
    IF once AND EXISTS (SELECT FROM unnest(sec.referral_ids_by_number(hash)) other
                         WHERE other <> referral) THEN
        RETURN false;
    END IF;
    INSERT INTO public.record_number AS n (id, referral_id, agency_id, keyed, kek_version,
                                           key_bundle)
    VALUES (number_id, referral, mine, hash, kek, bundle)
    ON CONFLICT (agency_id, referral_id) DO UPDATE
       SET keyed = excluded.keyed, kek_version = excluded.kek_version,
           key_bundle = excluded.key_bundle;
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION sec.own_record_numbers(uuid[]), sec.referral_ids_by_number(bytea),
    sec.store_record_number(uuid, uuid, bytea, int, bytea, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.own_record_numbers(uuid[]), sec.referral_ids_by_number(bytea),
    sec.store_record_number(uuid, uuid, bytea, int, bytea, boolean) TO app;
