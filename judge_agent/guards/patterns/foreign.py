"""Texts in other languages: said to ignore, to give marks, or to a judge. Read before letters are made Latin."""

from __future__ import annotations

from judge_agent.guards.patterns.pattern import Pattern, pattern

FOREIGN: tuple[Pattern, ...] = (
    pattern(
        "ignore_instructions",
        r"\b(?:ignor[aeo]\w*|olvid[ae]\w*|omit[ae]\w*|desestim\w*)\b[^.\n]{0,40}\b(?:instrucci"
        r"|r\u00fabrica|rubrica"
        r"|criteri|reglas|principio)"
        r"|\b(?:ignor(?:e|ez|es)|oubli(?:e|ez)|ne tiens? pas compte"
        r"|ne tenez pas compte)\b[^.\n]{0,40}\b(?:instruction|grille|bar\u00e8me|crit\u00e8re|consigne"
        r"|r\u00e8gle)"
        r"|\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*)\b[^.\n]{0,40}(?:anweisung|kriteri"
        r"|bewertung|rubrik"
        r"|regel|vorgabe)"
        r"|\b(?:ignora(?:te)?|dimentica(?:te)?)\b[^.\n]{0,40}\b(?:istruzion|criteri|rubrica|regole)"
        r"|\b(?:negeer|vergeet)\b[^.\n]{0,40}\b(?:instructie|criteri|rubriek|regels)"
        r"|\b(?:abaikan|lupakan)\b[^.\n]{0,40}\b(?:instruksi|perintah|aturan|kriteria)"
        r"|\b(?:zignoruj|pomi\u0144)\w*[^.\n]{0,40}(?:instrukcj|polece|kryteri|zasad)"
        r"|(?:talimat|y\u00f6nerge|kural)\w*[^.\n]{0,30}(?:yok say|yoksay|g\u00f6rmezden|unut)"
        r"|\bb\u1ecf qua\b[^.\n]{0,40}(?:h\u01b0\u1edbng d\u1eabn|ch\u1ec9 d\u1eabn|y\u00eau c\u1ea7u"
        r"|quy t\u1eafc)"
        r"|\b(?:ignorera|bortse)\b[^.\n]{0,40}(?:instruktion|regler|kriteri)",
        (
            "ignor",
            "olvid",
            "omit",
            "desestim",
            "oubli",
            "tiens",
            "tenez",
            "vergiss",
            "vergessen",
            "missacht",
            "dimentic",
            *(
                "negeer",
                "vergeet",
                "abaikan",
                "lupakan",
                "zignoruj",
                "pomi",
                "yok",
                "rmezden",
                "unut",
                " qua ",
            ),
            *("bortse",),
        ),
    ),
    pattern(
        "asks_for_a_score",
        r"\b(?:marque|marca|considere|califique|accepte[rz]?|considère|bewerte|bewerten|markiere"
        r"|werte)\b[^.\n]{0,40}"
        r"\b(?:como correct\w*|comme correct\w*|als (?:richtig|korrekt)|bestnote)\b"
        r"|\b(?:da|dale|otorga|asigna|pon|califica|punt\u00faa|punt\u00faala|atribuya|donne[rz]?|attribue[rz]?"
        r"|accorde[rz]?|mets|gib|gebt|geben sie|vergib|bewerte|bewerten sie|dai|assegna|d\u00ea|"
        r"atribua|geef)\b[^.\n]{0,50}(?:m\u00e1xim|maximal|maxim|massim|h\u00f6chst|volle punkt|beste note"
        r"|note maximale|puntuaci\w+ perfect|m\u00e1s alta|plus haute|pi\u00f9 alto|mais alta"
        r"|10 (?:puntos|points|punkte|punti|pontos)|10/10|hoogste)",
        (
            *("como correct", "comme correct", "als richtig", "als korrekt", "bestnote"),
            "dale",
            "da ",
            "otorga",
            "asigna",
            "pon ",
            "califica",
            "punt",
            "atrib",
            "donne",
            "attribue",
            "accorde",
            "mets",
            "gib",
            "geb",
            "vergib",
            "bewert",
            "dai",
            "assegna",
            "d",
            "geef",
        ),
    ),
    pattern(
        "speaks_to_the_judge",
        r"\b(?:nota|mensaje|aviso|atenci\u00f3n|estimado|note|message|cher|attention|hinweis|nachricht"
        r"|lieber|liebe"
        r"|achtung|an den|an die|messaggio|caro)\b[^.\n]{0,16}"
        r"\b(?:juez|evaluador|calificador|juge|\u00e9valuateur|correcteur|bewerter|pr\u00fcfer|richter"
        r"|gutachter"
        r"|giudice|valutatore|avaliador|juiz)\b",
        (
            "juez",
            "evaluador",
            "calificador",
            "juge",
            "valuateur",
            "correcteur",
            "bewerter",
            "fer",
            "richter",
            "gutachter",
            "giudice",
            "valutatore",
            "avaliador",
            "juiz",
        ),
    ),
)
