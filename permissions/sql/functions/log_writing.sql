-- as: gate
-- Entries of the access log that no policy lets the caller insert: refusals, sign-ins, and acts of
-- the operator and of the background work.

-- Record a refusal, after the rollback and in its own transaction; the caller may be unknown.
-- `door` signs people in and issues tokens: it logs those acts with sec.log_sign_in(), which takes
-- agency and member, since no credential exists yet.
CREATE FUNCTION sec.log_denial(
    entry_id uuid, what text, why text, about uuid, of_directory uuid, stated_purpose text,
    request uuid, prefix text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    me sec.identity := sec.identity();
BEGIN
    INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, purpose, referral_id,
                                     directory_id, decision, rule, request_id, address_prefix)
    VALUES (entry_id, me.agency_id, me.member_id, me.client_id, what, stated_purpose, about,
            of_directory, 'refused', why, request, prefix);
END $$;

CREATE FUNCTION sec.log_sign_in(
    entry_id uuid, agency uuid, member uuid, client uuid, what text, outcome text, why text,
    request uuid, prefix text
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, decision, rule,
                                     request_id, address_prefix)
    VALUES (entry_id, agency, member, client, what, outcome, why, request, prefix);
END $$;

-- Record an operator's change to rights or keys (manage.py add, member, client, set_agency,
-- set_clocks, directory_editors, bind_organization, seals rotate) or an export of the whole log
-- (seals export). It accepts these acts only. The entry names the agency, member or client
-- concerned and no person who acted. `codes`: the values after the change.
CREATE FUNCTION sec.log_rights(
    entry_id uuid, what text, agency uuid, member uuid, client uuid, of_directory uuid, codes text[]
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF what IN ('member.add', 'member.change_roles', 'member.reset', 'member.end', 'member.return',
                'client.add', 'client.change_keys', 'client.change_networks',
                'client.change_budget', 'client.end', 'client.return', 'agency.add',
                'agency.change', 'editor.add', 'editor.end', 'organization.bind',
                'organization.unbind', 'seal.rotate', 'access_log.export') THEN
        INSERT INTO public.access_entry (id, agency_id, member_id, client_id, act, directory_id,
                                         fields, decision)
        VALUES (entry_id, agency, member, client, what, of_directory, codes, 'allowed');
        RETURN;
    END IF;
    RAISE EXCEPTION 'not an act of the operator' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Record an act of the background work. It accepts these acts only; the entry names no member.
CREATE FUNCTION sec.log_job(
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

REVOKE ALL ON FUNCTION sec.log_denial(uuid, text, text, uuid, uuid, text, uuid, text),
    sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text),
    sec.log_rights(uuid, text, uuid, uuid, uuid, uuid, text[]),
    sec.log_job(uuid, text, uuid, uuid, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    sec.log_denial(uuid, text, text, uuid, uuid, text, uuid, text) TO app, door, editor, auditor;
GRANT EXECUTE ON FUNCTION
    sec.log_sign_in(uuid, uuid, uuid, uuid, text, text, text, uuid, text) TO door;
GRANT EXECUTE ON FUNCTION sec.log_rights(uuid, text, uuid, uuid, uuid, uuid, text[]),
    sec.log_job(uuid, text, uuid, uuid, uuid, text) TO jobs;
