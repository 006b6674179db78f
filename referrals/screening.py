"""Indicators of trafficking: a coded list for the packet's field `screening`, in our own words.

They are signs to ask about with care. They are no verdict and no score. Naming none is always
right, and nothing here is ever required. The signs come from these sources, none of whose words are
used: the definition in 22 U.S.C. 7102(11) (force, fraud or coercion; under 18 none of them is
needed for commercial sex) and the Palermo Protocol, article 3; the ILO's operational indicators of
trafficking (2009); the Vera Institute's identification tool (2014) and the adult screening tool of
HHS (2018), whose themes they group.
"""

Labels = dict[str, tuple[str, str]]  # code → (English, Spanish)

SCREENING: Labels = {
    # Free will (Palermo 3(b): consent is irrelevant if one of the means was used)
    "no_free_will": ("She cannot leave, or say no", "No puede irse ni decir que no"),
    "watched": ("Somebody watches her or speaks for her", "Alguien la vigila o habla por ella"),
    "isolated": ("Kept from family, friends or help", "La apartan de familia, amistades o ayuda"),
    # Power or control (7102(11): force, fraud or coercion)
    "power_or_control": (
        "Somebody has power over her, or controls her",
        "Alguien tiene poder sobre ella o la controla",
    ),
    "threats": ("She or hers are threatened", "La amenazan a ella o a los suyos"),
    "violence": ("Somebody hurts her to make her obey", "La lastiman para que obedezca"),
    "papers_held": (
        "Somebody keeps her papers, phone or money",
        "Alguien guarda sus papeles, teléfono o dinero",
    ),
    "drugs": ("Drugs or drink to make her obey", "Drogas o alcohol para que obedezca"),
    "immigration_threat": (
        "Somebody uses her immigration status against her",
        "Alguien usa su situación migratoria contra ella",
    ),
    # Frequent travel
    "frequent_travel": (
        "Moved often, or does not know where she is",
        "La trasladan a menudo, o no sabe dónde está",
    ),
    # Labor (ILO: deceptive recruitment, exploitation, coercion at work)
    "labour": ("Works for little or no pay", "Trabaja por poco o ningún pago"),
    "false_promise": ("Not the work that was promised", "No es el trabajo prometido"),
    "debt": ("Works off a debt that does not shrink", "Paga con trabajo una deuda que no baja"),
    "lives_at_work": ("Has to live where she works", "Tiene que vivir donde trabaja"),
    # Commercial sex (7102(4), (11)(A))
    "commercial_sex": (
        "Sex for money, or for anything of value",
        "Sexo a cambio de dinero o de algo de valor",
    ),
    "minor_commercial_sex": (
        "The same, under 18: no force is needed",
        "Lo mismo, menor de 18: no hace falta fuerza",
    ),
}
