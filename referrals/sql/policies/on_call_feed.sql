-- Which secret address opens which member's calendar: `signin` alone.

GRANT SELECT, INSERT, UPDATE, DELETE ON on_call_feed TO signin;
