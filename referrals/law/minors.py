"""What is said where the survivor may be a minor: who consents, what a parent may learn, and which
calls the age asks for."""

from referrals.law.law_text import CHECKED, LawText

ALONE = LawText(
    "minors.alone",
    (),
    (),
    "Only where a law lets a minor receive this service without a parent. Montana, 41-1-402 MCA,"
    " says when for health services. Never notify a parent who may be the abuser.",
    "34 U.S.C. 12291(b)(2)(B)(ii); 28 CFR 94.115(a)(2); Mont. Code 41-1-402",
)

# -- The privacy of a minor (all that name the duty or the role; the last only where none does) ----

PRIVACY = (
    LawText(
        "minors.officer",
        (),
        ("officer", "prosecutor"),
        "Records of child abuse are confidential (41-3-205 MCA). What goes to the public must not"
        " tell who a child victim is; on request you keep back a victim's address, phone and place"
        " of work as well (44-5-311 MCA). In a federal case, papers that name a child are sealed"
        " (18 U.S.C. 3509(d)).",
        "Mont. Code 41-3-205(1); 44-5-311; 18 U.S.C. 3509(d)",
        CHECKED,
        ("44-5-311", "18 U.S.C. 3509(d)"),
    ),
    LawText(
        "minors.nurse",
        (),
        ("nurse",),
        "Where a minor may consent alone (41-1-402 MCA), they control what is shared. Montana,"
        " 41-1-403 MCA, names the cases in which a health professional informs a parent all the"
        " same. A parent who may be the abuser need not be treated as the one who decides"
        " (45 CFR 164.502(g)(5)).",
        "Mont. Code 41-1-402, 41-1-403(1); 45 CFR 164.502(g)(3) and (5)",
        CHECKED,
        ("164.502(g)(3) and (5)",),
    ),
    LawText(
        "minors.advocate",
        ("victim_services",),
        (),
        "A minor and a parent or guardian sign together; a minor who may lawfully have this service"
        " alone signs alone. The abuser of the minor or of the other parent never signs. A parent"
        " has no right to hear from you what a minor said.",
        "34 U.S.C. 12291(b)(2)(B)(ii); 28 CFR 94.115(a)(2)",
        CHECKED,
    ),
    LawText(
        "minors.campus",
        (),
        ("campus",),
        "FERPA: from the first day at a college the student decides about their record, at any age;"
        " at a school below that, the parents do until 18.",
        "20 U.S.C. 1232g(d); 34 CFR 99.3, 99.5",
        CHECKED,
        ("34 CFR 99.3, 99.5",),
    ),
    LawText(
        "minors.child_protection",
        (),
        ("child_protection",),
        "Case records and reports are confidential; 41-3-205 MCA lists who may have them, and a"
        " person who receives one is bound as well. Reports of sexual abuse go on to the county"
        " attorney, with the notes (41-3-202 and 41-3-210 MCA).",
        "Mont. Code 41-3-202, 41-3-205, 41-3-210(1)",
        CHECKED,
    ),
    LawText(
        "minors.others",
        (),
        (),
        "A minor and a parent or guardian decide together, unless a law lets the minor decide"
        " alone. Do not notify a parent who may be the abuser.",
        "34 U.S.C. 12291(b)(2)(B)(ii), followed here as Cairn's own rule",
        CHECKED,
    ),
)

# -- Calls that the age asks for (the first that fits) ---------------------------------------------

CENTER = (
    "Think of a child advocacy center: one interview, by a person trained for it, instead of"
    " several."
)
CALLS = (
    LawText(
        "calls.child_protection",
        (),
        ("child_protection",),
        f"{CENTER} A child in care who is missing or was taken: within 24 hours tell law"
        " enforcement and the National Center for Missing & Exploited Children, 1-800-843-5678.",
        "34 U.S.C. 20301 to 20304; 42 U.S.C. 671(a)(35)(B)",
        CHECKED,
        ("42 U.S.C. 671(a)(35)(B)", "34 U.S.C. 20301 to 20304"),
    ),
    LawText(
        "calls.officer",
        (),
        ("officer",),
        f"{CENTER} A missing child: enter them in NCIC within two hours. The National Center for"
        " Missing & Exploited Children, 1-800-843-5678, also takes reports of sexual exploitation"
        " of a child.",
        "34 U.S.C. 20301 to 20304; 34 U.S.C. 41308; 34 U.S.C. 11293(b)(1)",
        CHECKED,
        (
            "34 U.S.C. 20301 to 20304",
            "34 U.S.C. 41308",
            "34 U.S.C. 11293(b)(1)",
        ),
    ),
    LawText(
        "calls.victim_services",
        ("victim_services",),
        (),
        f"{CENTER} The National Center for Missing & Exploited Children, 1-800-843-5678, takes"
        " reports of missing and sexually exploited children. Ask the minor first: a call that says"
        " who they are needs their written release, or a law that requires it.",
        "34 U.S.C. 12291(b)(2); 34 U.S.C. 11293(b)(1)",
        CHECKED,
        ("34 U.S.C. 11293(b)(1)",),
    ),
    LawText(
        "calls.others",
        (),
        (),
        f"{CENTER} The National Center for Missing & Exploited Children, 1-800-843-5678, takes"
        " reports of missing and sexually exploited children. Say no more than your own law lets"
        " you.",
        "34 U.S.C. 20301 to 20304; 34 U.S.C. 11293(b)(1)",
        CHECKED,
        (
            "34 U.S.C. 20301 to 20304",
            "34 U.S.C. 11293(b)(1)",
        ),
    ),
)
