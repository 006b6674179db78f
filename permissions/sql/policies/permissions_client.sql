-- Only `signin` uses what lets a system in.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_client TO signin;
GRANT SELECT ON permissions_client TO definer;

CREATE TRIGGER ask_again AFTER UPDATE ON permissions_client FOR EACH ROW
    WHEN (OLD.active <> NEW.active OR OLD.system_of_record <> NEW.system_of_record
          OR OLD.networks IS DISTINCT FROM NEW.networks)
    EXECUTE FUNCTION sec.refresh_credentials();
