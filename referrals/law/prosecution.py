"""What is said where information goes to a prosecutor: to each sender, by duty and role.

All that name the duty or the role of the sender are said; the last only where none does.
"""

from referrals.law.law_text import CHECKED, LawText

PROSECUTION = (
    LawText(
        "prosecution.officer",
        (),
        ("officer",),
        "What you give the prosecutor may go to the defense: what favors the accused, and what"
        " 46-15-322 MCA lists. All investigative material on the sexual abuse or exploitation of a"
        " child goes to the county attorney (41-3-210 MCA).",
        "Mont. Code 46-15-322; 41-3-210(1); Brady v. Maryland, 373 U.S. 83",
        CHECKED,
    ),
    LawText(
        "prosecution.nurse",
        (),
        ("nurse",),
        "HIPAA: a prosecutor gets what the survivor signs for, what an order of a court names, or,"
        " when they ask about a victim who agrees, what 45 CFR 164.512(f)(3) lets you say. A"
        " request on letterhead is none of these.",
        "45 CFR 164.508, 164.512(e)(1), 164.512(f)(1) and (3)",
        CHECKED,
        ("164.512(f)(1) and (3)",),
    ),
    LawText(
        "prosecution.advocate",
        ("victim_services",),
        (),
        "The prosecutor represents the state, not the survivor. Share with a written release only:"
        " what they know may go to the defense. Your help does not depend on the survivor's taking"
        " part in a case. In Montana, members of a county's child information team give the county"
        " attorney their material on sexual abuse of a child (41-3-210 MCA): if you are one, ask a"
        " lawyer which law comes first.",
        "34 U.S.C. 12291(b)(2); 28 CFR 94.115; Mont. Code 41-3-210(1), 52-2-211",
        CHECKED,
    ),
    LawText(
        "prosecution.campus",
        (),
        ("campus",),
        "FERPA: an education record goes to a prosecutor with the student's written consent, or"
        " under an order or subpoena, of which the student is notified first unless it forbids"
        " that.",
        "34 CFR 99.30, 99.31(a)(9)",
        CHECKED,
        ("34 CFR 99.30, 99.31(a)(9)",),
    ),
    LawText(
        "prosecution.prosecutor",
        (),
        ("prosecutor",),
        "You give the defense what 46-15-322 MCA lists and what favors the accused, from any"
        " source. Keep the victim informed of the case (46-24-203 MCA). An advocate's records"
        " are privileged (26-1-812 MCA).",
        "Mont. Code 46-15-322; 46-24-203(1); 26-1-812; Brady v. Maryland, 373 U.S. 83",
        CHECKED,
    ),
    LawText(
        "prosecution.child_protection",
        (),
        ("child_protection",),
        "Reports of sexual abuse or exploitation of a child, and your notes on them, go to the"
        " county attorney (41-3-202 and 41-3-210 MCA). What they have may go to the defense.",
        "Mont. Code 41-3-202, 41-3-210(1); 46-15-322",
        CHECKED,
    ),
    LawText(
        "prosecution.lawyer",
        (),
        ("lawyer",),
        "What you give a prosecutor is no longer between you and your client, and may go to the"
        " defense. Ask your client in writing.",
        "Mont. Code 26-1-803; 46-15-322",
        CHECKED,
    ),
    LawText(
        "prosecution.others",
        (),
        (),
        "The prosecutor represents the state, not the survivor. What they know may go to the"
        " defense.",
        "Mont. Code 46-15-322; Brady v. Maryland, 373 U.S. 83",
        CHECKED,
    ),
)
