-- Who answers an agency's phone when. The code asks for the agency on each read and write
-- (referrals/on_call); the background work reads whom to call.

GRANT SELECT, INSERT, UPDATE, DELETE ON on_call_shift TO signin;
GRANT SELECT ON on_call_shift TO jobs;
