"""Who must report abuse of a child or of a vulnerable adult: the first text that fits counts."""

from referrals.law.law_text import CHECKED, LawText

ADULTS = " Abuse of a vulnerable adult: 52-3-811 MCA."
REPORTS = (
    LawText(
        "report.police",
        (),
        ("officer",),
        "Montana, 41-3-201 MCA: peace officers and other law enforcement officials must report"
        " promptly to the state's child abuse hotline (DPHHS) when they have reason to suspect that"
        " a child is abused or neglected. This is your duty: report now, and record it here."
        + ADULTS,
        "Mont. Code 41-3-201(1), (2)(g); 52-3-811",
    ),
    LawText(
        "report.health",
        (),
        ("nurse",),
        "Montana, 41-3-201 MCA: doctors, nurses, hospital staff and any other health or mental"
        " health professional must report promptly to the state's child abuse hotline (DPHHS) when"
        " they have reason to suspect that a child is abused or neglected. This is your duty:"
        " report now, and record it here." + ADULTS,
        "Mont. Code 41-3-201(1), (2)(a) and (b); 52-3-811(3)(a); 45 CFR 164.512(b)(1)(ii)",
    ),
    LawText(
        "report.child_protection",
        (),
        ("child_protection",),
        "Montana, 41-3-201 MCA: child protection specialists and employees of DPHHS must report"
        " promptly when they have reason to suspect that a child is abused or neglected. This is"
        " your duty: report now, and record it here." + ADULTS,
        "Mont. Code 41-3-201(1), (2)",
    ),
    LawText(
        "report.declared",
        ("mandated_reporter",),
        (),
        "Your agency states that its people must report. Montana, 41-3-201 MCA: report promptly to"
        " the state's child abuse hotline (DPHHS) when you have reason to suspect that a child is"
        " abused or neglected, and record it here." + ADULTS,
        "Mont. Code 41-3-201",
    ),
    LawText(
        "report.campus",
        (),
        ("campus",),
        "Montana, 41-3-201 MCA names school teachers and other school officials and, on any campus,"
        " licensed social workers, health and mental health professionals and peace officers. It"
        " does not name campus advocates as such. If you are one of those named, report promptly to"
        " the state's child abuse hotline (DPHHS) when you have reason to suspect that a child is"
        " abused or neglected. If not, ask your lead whether a report may be made. The numbers of"
        " crimes that a campus publishes (Clery Act) name no one." + ADULTS,
        "Mont. Code 41-3-201(2); 20 U.S.C. 1092(f); 34 U.S.C. 12291(b)(2)",
        CHECKED,
        ("20 U.S.C. 1092(f)",),
    ),
    LawText(
        "report.advocates",
        (),
        ("advocate",),
        "Montana, 41-3-201 MCA does not name advocates as such. You must report promptly if you are"
        " a licensed social worker or a mental health professional, or if your employer serves"
        " children under a contract with DPHHS. If none of this is so, ask your lead whether a"
        " report may be made: without the survivor's written release or a law that requires it,"
        " the law may forbid it." + ADULTS,
        "Mont. Code 41-3-201(2); 34 U.S.C. 12291(b)(2); 28 CFR 94.115(b)",
    ),
    LawText(
        "report.prosecutor",
        (),
        ("prosecutor",),
        "Montana, 41-3-201 MCA does not name prosecutors as such. A county attorney receives the"
        " reports of sexual abuse of a child that the state's child protection gets (41-3-202 and"
        " 41-3-210 MCA). Anyone who has reason to suspect that a child is abused or neglected may"
        " report to the state's child abuse hotline (DPHHS)." + ADULTS,
        "Mont. Code 41-3-201(2) and (3); 41-3-202; 41-3-210(1)",
        CHECKED,
        ("41-3-202",),
    ),
    LawText(
        "report.lawyers",
        (),
        ("lawyer",),
        "Montana, 41-3-201 MCA does not name lawyers as such; it names guardians ad litem and court"
        " advocates who may investigate a report. Ask your supervising lawyer what privilege lets"
        " you report." + ADULTS,
        "Mont. Code 41-3-201(2)(i); 26-1-803",
    ),
    LawText(
        "report.others",
        (),
        (),
        "Montana, 41-3-201 MCA: licensed social workers, mental health professionals, school and"
        " child care staff, foster care and residential workers, and people whose employer serves"
        " children under a contract with DPHHS must report promptly when they have reason to"
        " suspect that a child is abused or neglected. Anyone else may." + ADULTS,
        "Mont. Code 41-3-201(2) and (3)",
    ),
)
