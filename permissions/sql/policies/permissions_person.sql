-- Only `signin` uses what lets a person sign in.

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions_person TO signin;
GRANT SELECT (id, is_active) ON permissions_person TO definer;

CREATE TRIGGER ask_again AFTER UPDATE ON permissions_person FOR EACH ROW
    WHEN (OLD.is_active <> NEW.is_active) EXECUTE FUNCTION sec.refresh_credentials();
