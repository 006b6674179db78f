-- as: definer
-- The question to the people who run a service whether its entry is right
-- (directory/editing/verification.py). The hash of a link stands for its caller, who is no one's
-- member. What is not public has no link: one that it had is over.

-- What is kept of an address that is asked: without a key, so that who wants no such mail gets none
-- under a new key of the server either. The address itself is in the public entry.
CREATE FUNCTION sec.mail_address_hash(address text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN sha256(convert_to(lower(btrim(address, E' \t\r\n')), 'UTF8'));
END $$;

-- Whether the question is not over: its entry is public, and has the address that was asked.
CREATE FUNCTION sec.is_entry_question_alive(verification uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.directory_verification v
          JOIN public.directory_listing l ON l.id = v.service_id
          JOIN public.directory_service s ON s.id = v.service_id
         WHERE v.id = verification AND v.expires_at > sec.clock()
           AND v.address_hash = sec.mail_address_hash(s.email));
END $$;

-- The service that a link asks about; none once the link is used or over.
CREATE FUNCTION sec.asked_service_id(hash bytea) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT v.service_id FROM public.directory_verification v
             WHERE v.token_hash = hash AND v.answer = '' AND sec.is_entry_question_alive(v.id));
END $$;

-- Answer by a link, which is then used. Returns whether it was; the same answer is so twice.
-- What is wrong goes to those who can mend the entry, and changes nothing.
CREATE FUNCTION sec.answer_verification(hash bytea, said text, what text, words text)
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    asked public.directory_verification;
BEGIN
    IF said NOT IN ('right', 'wrong', 'stop') THEN
        RAISE EXCEPTION 'no such answer' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO asked FROM public.directory_verification v WHERE v.token_hash = hash FOR UPDATE;
    IF asked.id IS NULL OR NOT sec.is_entry_question_alive(asked.id) THEN
        RETURN false;
    ELSIF asked.answer <> '' THEN
        RETURN asked.answer = said AND (said <> 'wrong' OR EXISTS (
            SELECT FROM public.directory_mistake_report r
             WHERE r.id = asked.id AND r.what = answer_verification.what
               AND r.words = answer_verification.words));
    END IF;
    UPDATE public.directory_verification v
       SET answer = said, answered_at = sec.clock(), due = (said = 'right') WHERE v.id = asked.id;
    IF said = 'wrong' THEN
        PERFORM sec.report_mistake(asked.id, asked.service_id, what, words);
    ELSIF said = 'stop' THEN
        INSERT INTO public.directory_mail_opt_out (address_hash, at)
        VALUES (asked.address_hash, sec.clock()) ON CONFLICT DO NOTHING;
    END IF;
    RETURN true;
END $$;

-- The public entries that the caller can mend and whose last question ran out without a word on
-- them, the oldest first, until someone checks them. An entry was asked about a year after it was
-- last checked: a day more or less, by the clock of a place, is the same check.
CREATE FUNCTION sec.unverified_entries()
RETURNS TABLE (id uuid, service_id uuid, name text, asked date)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT v.id, s.id, s.name, v.asked_at::date
      FROM public.directory_verification v
      JOIN public.directory_service s ON s.id = v.service_id
      JOIN public.directory_listing l ON l.id = v.service_id
     WHERE v.answer IN ('', 'stop') AND v.expires_at <= sec.clock()
       AND l.status IN ('active', 'temporarily closed')
       AND (s.assured_date IS NULL OR s.assured_date < v.asked_at::date - 1)
       AND NOT EXISTS (SELECT FROM public.directory_verification n
                        WHERE n.service_id = v.service_id AND n.asked_at > v.asked_at)
       AND sec.may_mend_entries_of(s.organization_id)
     ORDER BY v.asked_at, s.id LIMIT 100;
END $$;

-- Take one off that list. Returns whether it is one of the caller's; twice changes nothing.
CREATE FUNCTION sec.end_verification(verification uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE public.directory_verification v
       SET answer = 'done',
           answered_at = CASE v.answer WHEN 'done' THEN v.answered_at ELSE sec.clock() END
      FROM public.directory_service s, public.directory_listing l
     WHERE v.id = verification AND v.answer IN ('', 'stop', 'done')
       AND v.expires_at <= sec.clock() AND s.id = v.service_id AND l.id = v.service_id
       AND sec.may_mend_entries_of(s.organization_id);
    RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION sec.mail_address_hash(text), sec.is_entry_question_alive(uuid),
    sec.asked_service_id(bytea), sec.answer_verification(bytea, text, text, text),
    sec.unverified_entries(), sec.end_verification(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.asked_service_id(bytea), sec.unverified_entries(),
    sec.answer_verification(bytea, text, text, text), sec.end_verification(uuid) TO app;
GRANT EXECUTE ON FUNCTION sec.mail_address_hash(text), sec.is_entry_question_alive(uuid) TO jobs;
