"""What is said next to each item of a rights record (referrals/rights/items.py), by its name."""

from referrals.law.law_text import CHECKED, LawText

RIGHTS = (
    LawText(
        "rights.victim_rights",
        (),
        (),
        "Montana, 46-24-201 MCA: law enforcement gives each victim a written notice of their"
        " rights, of compensation, and of who can help. Anyone may give it again.",
        "Mont. Code 46-24-201, 46-24-203; 46-15-406 (sexual assault)",
        CHECKED,
    ),
    LawText(
        "rights.compensation",
        (),
        (),
        "Crime victim compensation is asked for at the state's Office of Victim Services, within a"
        " year, or later for good cause.",
        "Mont. Code 53-9-101 to 53-9-133; Mont. Admin. R. 23.15.103",
        CHECKED,
        ("53-9-101 to 53-9-133",),
    ),
    LawText(
        "rights.vine",
        (),
        (),
        "VINE tells anyone who registers where the offender is held, and when they are released. No"
        " one is registered automatically: choose a number with the survivor that is safe to call.",
        "Mont. Code 46-24-203, 46-24-212",
        CHECKED,
    ),
    LawText(
        "rights.u_certification",
        (),
        (),
        "The agency that is asked decides whether it certifies. The petition needs a signature that"
        " is at most six months old when it is filed.",
        "8 U.S.C. 1184(p)(1); 8 CFR 214.14(c)(2)(i)",
        CHECKED,
        ("8 CFR 214.14(c)(2)(i)",),
    ),
    LawText(
        "rights.t_certification",
        (),
        (),
        "The declaration of law enforcement is one kind of proof. A person can apply without it.",
        "8 U.S.C. 1101(a)(15)(T), 1184(o); 8 CFR part 214, subpart C",
        CHECKED,
        ("8 CFR part 214, subpart C",),
    ),
)
BY_ITEM = {one.name.removeprefix("rights."): one.text for one in RIGHTS}
