"""Who may refuse to testify, and what of a record may be compelled.

A privilege counts first. What binds the agency by its duties is added to it."""

from referrals.law.law_text import CHECKED, LawText

# The first that fits.
PRIVILEGE = (
    LawText(
        "privilege.advocates",
        ("privilege",),
        ("advocate",),
        "Montana, 26-1-812 MCA: unless a report is required by law, an advocate may not be examined"
        " about what a victim said, and hands over no record of shelter, counseling or crisis"
        " services, without the victim's express consent. The privilege is theirs. It goes on when"
        " they cannot be reached, and a divorce or custody case implies no consent; it ends at"
        " their death. It covers people who seek help because of partner or family member assault,"
        " sexual assault or stalking. It does not name trafficking: claim it, and ask a lawyer.",
        "Mont. Code 26-1-812(1) to (3)",
    ),
    LawText(
        "privilege.lawyers",
        ("privilege",),
        ("lawyer",),
        "Montana, 26-1-803 MCA: a lawyer cannot be examined about what a client said or the advice"
        " given, without the client's consent. 26-1-812 MCA is about advocates, not about you.",
        "Mont. Code 26-1-803",
    ),
)

# Those that name the duty or the role of the reader; the last only where none does.
COMPELLED = (
    LawText(
        "compelled.police",
        (),
        ("officer", "prosecutor"),
        "Your notes have no advocate privilege (26-1-812 MCA): a defendant may get them in"
        " discovery, and what favors the defense must be handed over. Write down what the case"
        " needs, and no more.",
        "Mont. Code 46-15-322; Brady v. Maryland, 373 U.S. 83",
    ),
    LawText(
        "compelled.health",
        (),
        ("nurse",),
        "HIPAA: an order of a court covers what it names and no more. A subpoena without an order"
        " needs proof that the survivor was notified or that a protective order was asked for."
        " Records of substance-use treatment need more: a court order under 42 CFR part 2.",
        "45 CFR 164.512(e)(1); 42 CFR 2.61 to 2.67",
    ),
    LawText(
        "compelled.campus",
        (),
        ("campus",),
        "FERPA: a school may follow a subpoena or an order for an education record only after a"
        " reasonable effort to notify the student first. What your advocates keep is not the"
        " school's to hand over: say so, and ask a lawyer of your own.",
        "20 U.S.C. 1232g(b)(2); 34 CFR 99.31(a)(9)",
        CHECKED,
        ("34 CFR 99.31(a)(9)",),
    ),
    LawText(
        "compelled.victim_services",
        ("victim_services",),
        (),
        "If a statute or a court compels you to disclose, try to notify the survivor first and"
        " protect their privacy and safety. Hand over what is compelled, and no more.",
        "34 U.S.C. 12291(b)(2)(C); 28 CFR 94.115(b)",
    ),
    LawText(
        "compelled.others",
        (),
        (),
        "No advocate privilege (26-1-812 MCA) covers your records. Before you hand anything over,"
        " ask a lawyer what the order or request really covers.",
        "Mont. Code 26-1-812(3)",
    ),
)
