-- Who answers an agency's phone when. The code asks for the agency on each read and write
-- (referrals/on_call).

GRANT SELECT, INSERT, UPDATE ON on_call_swap TO signin;
