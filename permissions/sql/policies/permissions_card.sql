-- An agency's card: `signin` alone, which also calls the agency for it. `definer` leaves its client
-- out of the list of partner systems.

GRANT SELECT, INSERT, UPDATE ON permissions_card TO signin;
GRANT SELECT (client_id) ON permissions_card TO definer;
