-- as: definer
-- Entries of the access log that no policy lets the caller insert: refusals, sign-ins, and acts of
-- the operator and of the background work.

-- Record a refusal of a caller who is not known, or of a client whose assertion proves nothing. Any
-- stranger can cause these without end, so the log takes one row a minute for each network and
-- named client. The others are counted here by act and rule, and the network's next row states the
-- counts in `fields`, as in "token:issue:unknown_client:207". Entries are immutable and sealed, so
-- the counts are not added to the row of their own minute.
CREATE FUNCTION sec.enter_refusal(
    entry_id uuid, agency uuid, client uuid, what text, why text, request uuid, prefix text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    now_minute timestamptz := date_trunc('minute', sec.clock());
    kind text := replace(what, '.', ':') || ':' || why;
    counted public.refusal_count;
BEGIN
    IF NOT sec.log_acts() ? what OR why !~ '^[a-z][a-z0-9_]{0,59}$'
       OR prefix !~ '^[0-9a-f.:]+/[0-9]+$' THEN
        RAISE EXCEPTION 'the access log holds ids and codes of its vocabulary'
              USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO public.refusal_count AS r (id, address_prefix, agency_id, client_id, counts)
    VALUES (entry_id, prefix, agency, client, '{}')
    ON CONFLICT (address_prefix, client_id) DO UPDATE SET counts = CASE
        WHEN r.minute = now_minute
        THEN r.counts || jsonb_build_object(kind, coalesce((r.counts ->> kind)::bigint, 0) + 1)
        ELSE r.counts END
    RETURNING * INTO counted;
    IF counted.minute = now_minute THEN
        RETURN;
    END IF;
    INSERT INTO public.access_entry (id, agency_id, client_id, act, fields, decision, rule,
                                     request_id, address_prefix)
    VALUES (entry_id, agency, client, what, (
            SELECT array_agg(key || ':' || value ORDER BY key)
              FROM jsonb_each_text(counted.counts)), 'refused', why,
            request, prefix);
    UPDATE public.refusal_count SET minute = now_minute, counts = '{}' WHERE id = counted.id;
END $$;

-- State the counts of networks that have been quiet since, in a row of its own each, and delete
-- what is no longer counted. Run by the background work once a minute.
CREATE FUNCTION sec.enter_counted_refusals() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    now_minute timestamptz := date_trunc('minute', sec.clock());
    counted public.refusal_count;
BEGIN
    DELETE FROM public.refusal_count WHERE minute IS DISTINCT FROM now_minute AND counts = '{}';
    FOR counted IN SELECT * FROM public.refusal_count WHERE minute IS DISTINCT FROM now_minute
                    ORDER BY id FOR UPDATE SKIP LOCKED LOOP
        INSERT INTO public.access_entry (id, agency_id, client_id, act, fields, decision, rule,
                                         address_prefix)
        VALUES (gen_random_uuid(), counted.agency_id, counted.client_id,
                'access_log.count_refusals', (
            SELECT array_agg(key || ':' || value ORDER BY key)
              FROM jsonb_each_text(counted.counts)), 'refused',
                'counted', counted.address_prefix);
        UPDATE public.refusal_count SET minute = now_minute, counts = '{}' WHERE id = counted.id;
    END LOOP;
END $$;

-- Record a refusal, after the rollback and in its own transaction; the caller may be unknown.
-- `signin` signs people in and issues tokens: it logs those acts with sec.log_sign_in(), which
-- takes agency and member, since no credential exists yet.
CREATE FUNCTION sec.log_refusal(
    entry_id uuid, what text, why text, about uuid, of_directory uuid, stated_purpose text,
    request uuid, prefix text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    IF me.agency_id IS NULL AND about IS NULL AND of_directory IS NULL
       AND stated_purpose IS NULL THEN
        PERFORM sec.enter_refusal(entry_id, NULL, NULL, what, why, request, prefix);
        RETURN;
    END IF;
    INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, purpose, referral_id,
                                     directory_id, decision, rule, request_id, address_prefix)
    VALUES (entry_id, me.agency_id, me.member_id, me.client_id, what, stated_purpose, about,
            of_directory, 'refused', why, request, prefix);
END $$;

-- `codes`: the key that a token was fetched with (permissions/identity/client_keys.py).
CREATE FUNCTION sec.log_sign_in(
    entry_id uuid, agency uuid, member uuid, client uuid, what text, outcome text, why text,
    request uuid, prefix text, codes text[] DEFAULT NULL
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF outcome = 'refused' AND member IS NULL 
       AND (agency IS NULL OR why ~ '^assertion_'
            OR why IN ('too_often', 'bad_assertion')) THEN  -- the last: of earlier releases
        PERFORM sec.enter_refusal(entry_id, agency, client, what, why, request, prefix);
        RETURN;
    END IF;
    INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, fields, decision,
                                     rule, request_id, address_prefix)
    VALUES (entry_id, agency, member, client, what, codes, outcome, why, request, prefix);
END $$;

-- The acts of the operator, those that no release does any more included: they are still tried. An
-- entry of one is written for no one else.
CREATE FUNCTION sec.is_operator_act(what text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT what IN ('member.add', 'member.invite', 'member.change_roles', 'member.reset',
                    'member.end', 'member.return', 'client.add', 'client.change_keys',
                    'client.change_networks', 'client.change_budget', 'client.end',
                    'client.return', 'agency.add', 'agency.change', 'agency.confirm', 'editor.add',
                    'editor.end', 'organization.bind', 'organization.unbind', 'seal.rotate',
                    'access_log.export')
$$;

-- Record an operator's change to rights or keys (manage.py agency, member, client,
-- deadlines, directory bind, directory editors, ledger rotate) or an export of the whole log
-- (ledger export). It accepts these acts only. The entry names the agency, member or client
-- concerned and no person who acted. `codes`: the values after the change.
CREATE FUNCTION sec.log_operator_change(
    entry_id uuid, what text, agency uuid, member uuid, client uuid, of_directory uuid, codes text[]
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF what IN ('member.invite', 'member.change_roles', 'member.end',
                'client.change_budget', 'client.end', 'agency.add',
                'agency.change', 'agency.confirm', 'editor.add', 'editor.end', 'organization.bind',
                'organization.unbind', 'seal.rotate', 'access_log.export',
                'database.recover') THEN
        INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, directory_id,
                                         fields, decision)
        VALUES (entry_id, agency, member, client, what, of_directory, codes, 'allowed');
        RETURN;
    END IF;
    RAISE EXCEPTION 'not an act of the operator' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Record what an operator tried and was refused, after the rollback and in its own transaction.
CREATE FUNCTION sec.log_operator_refusal(
    entry_id uuid, what text, why text, agency uuid, member uuid, client uuid
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF sec.is_operator_act(what) THEN
        INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, decision, rule)
        VALUES (entry_id, agency, member, client, what, 'refused', why);
        RETURN;
    END IF;
    RAISE EXCEPTION 'not an act of the operator' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Record an act of the background work. It accepts these acts only; the entry names no member.
CREATE FUNCTION sec.log_background_act(
    entry_id uuid, what text, agency uuid, about uuid, handle uuid, why text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF what IN ('key.rotate', 'key.destroy', 'key.restore',
                'referral.purge', 'referral.unable') THEN
        INSERT INTO public.access_entry (id, agency_id, act, referral_id, subject, decision, rule)
        VALUES (entry_id, agency, what, about, handle, 'allowed', why);
        RETURN;
    END IF;
    RAISE EXCEPTION 'not an act of the background work' USING ERRCODE = 'insufficient_privilege';
END $$;

REVOKE ALL ON FUNCTION sec.enter_refusal(uuid, uuid, uuid, text, text, uuid, text),
    sec.enter_counted_refusals(),
    sec.log_refusal(uuid, text, text, uuid, uuid, text, uuid, text),
    sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text, text[]),
    sec.is_operator_act(text),
    sec.log_operator_change(uuid, text, uuid, uuid, uuid, uuid, text[]),
    sec.log_operator_refusal(uuid, text, text, uuid, uuid, uuid),
    sec.log_background_act(uuid, text, uuid, uuid, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.log_refusal(uuid, text, text, uuid, uuid, text, uuid, text) TO app, signin, editor, auditor;
GRANT EXECUTE ON FUNCTION
    sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text, text[]) TO signin;
GRANT EXECUTE ON FUNCTION sec.enter_counted_refusals() TO jobs;
GRANT EXECUTE ON FUNCTION sec.log_operator_change(uuid, text, uuid, uuid, uuid, uuid, text[]),
    sec.log_operator_refusal(uuid, text, text, uuid, uuid, uuid),
    sec.log_background_act(uuid, text, uuid, uuid, uuid, text) TO jobs;
