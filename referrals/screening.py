"""Indicators of trafficking: a coded list for the packet's field `screening`, in our own words.

They are signs to ask about with care. They are no verdict and no score. Naming none is always
right, and nothing here is ever required. The signs come from these sources, without their wording:
the definition in 22 U.S.C. 7102(11) (force, fraud or coercion; for commercial sex of a person under
18 none of them is needed); article 3 of the Palermo Protocol; the operational indicators of the ILO
(2009); and the themes of the Vera Institute's identification tool (2014) and of the adult screening
tool of HHS (2018).
"""

Labels = dict[str, str]  # code → English; the message catalogues have the other languages

SCREENING: Labels = {
    # Free will (Palermo 3(b): consent to the exploitation is irrelevant if any of the means that
    # 3(a) lists was used; 3(c): under 18 none of the means is needed)
    "no_free_will": "Cannot leave, or cannot say no",
    "watched": "Watched, or another person speaks for them",
    "isolated": "Kept from family, friends or help",
    # Power or control (7102(11): force, fraud or coercion; Palermo 3(a): abuse of power or of a
    # position of vulnerability, and control over another person)
    "power_or_control": "Another person has power over them or controls them",
    "threats": "They or people close to them are threatened",
    "violence": "Hurt by a person who wants to make them obey",
    "papers_held": "Another person keeps their papers, phone or money",
    "drugs": "Given drugs or alcohol to make them obey",
    "immigration_threat": "Their immigration status is used against them",
    # Frequent travel
    "frequent_travel": "Moved often, or does not know where they are",
    # Labor (ILO: deceptive recruitment, exploitation, coercion at work)
    "labour": "Works for little or no pay",
    "false_promise": "Not the work that was promised",
    "debt": "Works off a debt that does not shrink",
    "lives_at_work": "Has to live at the workplace",
    # Commercial sex (7102(4), (11)(A))
    "commercial_sex": "Sex for money, or for anything of value",
    "minor_commercial_sex": "The same, under 18: no force is needed",
}
