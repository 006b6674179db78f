-- Lawyers' opinions by which agencies send notices without a signature. Sending asks for it as
-- `app` and in a trigger; an opinion is ended, never changed or removed.

GRANT SELECT ON permissions_noticeopinion TO app, definer;
GRANT SELECT, INSERT, UPDATE (ended_at) ON permissions_noticeopinion TO signin;
