-- as: definer
-- The question to the people who run a service whether its entry is right
-- (directory/editing/verification.py). The hash of a link stands for its caller, who is no one's
-- member. What is not public has no link: one that it had is over.

-- The service that a link asks about; none once the link is used or over.
CREATE FUNCTION sec.verification_of(hash bytea) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT v.service_id FROM public.directory_verification v
              JOIN public.directory_listing l ON l.id = v.service_id
             WHERE v.token_hash = hash AND v.answer = '' AND v.expires_at > sec.clock());
END $$;

-- Answer by a link, which is then used. Returns whether it was; a yes and a stop are so twice.
-- What is wrong goes to those who can mend the entry, and changes nothing.
CREATE FUNCTION sec.answer_verification(
    hash bytea, said text, new_id uuid, what text, words text
) RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    asked public.directory_verification;
BEGIN
    IF said NOT IN ('right', 'wrong', 'stop') THEN
        RAISE EXCEPTION 'no such answer' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO asked FROM public.directory_verification v WHERE v.token_hash = hash FOR UPDATE;
    IF asked.answer = said AND said <> 'wrong' THEN
        RETURN true;
    ELSIF asked.id IS NULL OR asked.answer <> '' OR asked.expires_at <= sec.clock()
       OR NOT EXISTS (SELECT FROM public.directory_listing l WHERE l.id = asked.service_id) THEN
        RETURN false;
    END IF;
    UPDATE public.directory_verification v
       SET answer = said, answered_at = sec.clock(), due = (said = 'right') WHERE v.id = asked.id;
    IF said = 'wrong' THEN
        PERFORM sec.report_mistake(new_id, asked.service_id, what, words);
    ELSIF said = 'stop' THEN
        INSERT INTO public.directory_mail_opt_out (address_hash, at)
        VALUES (asked.address_hash, sec.clock()) ON CONFLICT DO NOTHING;
    END IF;
    RETURN true;
END $$;

-- The public entries that the caller can mend and whose last question ran out without an answer,
-- the oldest first, until someone checks them.
CREATE FUNCTION sec.unverified_entries() RETURNS TABLE (service_id uuid, name text, asked date)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT s.id, s.name, v.asked_at::date
      FROM public.directory_verification v
      JOIN public.directory_service s ON s.id = v.service_id
      JOIN public.directory_listing l ON l.id = v.service_id
     WHERE v.answer = '' AND v.expires_at <= sec.clock()
       AND s.status IN ('active', 'temporarily closed')
       AND (s.assured_date IS NULL OR s.assured_date < v.asked_at::date)
       AND NOT EXISTS (SELECT FROM public.directory_verification n
                        WHERE n.service_id = v.service_id AND n.asked_at > v.asked_at)
       AND sec.may_mend_entries_of(s.organization_id)
     ORDER BY v.asked_at, s.id LIMIT 100;
END $$;

REVOKE ALL ON FUNCTION sec.verification_of(bytea), sec.unverified_entries(),
    sec.answer_verification(bytea, text, uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.verification_of(bytea), sec.unverified_entries(),
    sec.answer_verification(bytea, text, uuid, text, text) TO app;
