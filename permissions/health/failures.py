"""What may be said of a failure in a log line: its type and PostgreSQL's code, never its text."""


def sqlstate(error: BaseException | None) -> str | None:
    """The SQLSTATE of the database's error that this exception is, or was raised for: five
    characters (PostgreSQL, appendix A). None: the database said nothing."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # an error may be its own cause
        seen.add(id(error))
        if code := getattr(error, "pgcode", None):
            return str(code)
        error = error.__cause__ or error.__context__
    return None


def named(error: BaseException | None) -> dict[str, str]:
    """The fields of a log line that name this failure."""
    code = sqlstate(error)
    return {"error": type(error).__name__} | ({"sqlstate": code} if code else {})
