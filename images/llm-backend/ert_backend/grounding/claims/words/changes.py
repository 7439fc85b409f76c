"""Patterns of verbs and nouns for a change of a figure."""

from __future__ import annotations

import re

CHANGE = re.compile(
    r"""
    \b(?:
      (?P<up>r[oi]se[ns]?|rising|gr[eo]w(?:n|s|ing)?(?!\s(?:narrower|smaller|lower|weaker|thinner|leaner
        |lighter|slimmer|cheaper|slower|less)\b)|increas(?:e[ds]?|ing)|climb(?:s|ed|ing)?|jump(?:s|ed|ing)?
        |(?:sky)?rocket(?:s|ed|ing)?|mushroom(?:s|ed|ing)?|bounc(?:e[ds]?|ing)(?:\sback)?|snowball(?:s|ed|ing)?
        |escalat(?:e[ds]?|ing)|burgeon(?:s|ed|ing)?|reviv(?:e[ds]|ing)|multipli(?:es|ed)|firm(?:ed|ing)\sup
        |surg(?:e[ds]?|ing)|soar(?:s|ed|ing)?|expand(?:s|ed|ing)?|widen(?:s|ed|ing)?|gain(?:s|ed|ing)?
          |advanc(?:e[ds]?|ing)
        |swell(?:s|ed|ing)?|swollen|balloon(?:s|ed|ing)?|mount(?:ed|ing)|strengthen(?:s|ed|ing)?|rebound(?:s|ed|ing)?
        |recover(?:s|ed|ing)?|(?:picks?|picked|picking|ticks?|ticked|ticking|edges?|edged|edging|inch(?:es|ed|ing)|creeps?|creeping|crept
          |went|goes|gone|going|moved|moves|moving|stepped|drift(?:s|ed|ing)|march(?:es|ed|ing)|push(?:es|ed|ing)?
          |driven|trends|heading|pull(?:s|ed|ing)?|grind(?:s|ing)|ground|nudging|nudges|clawed|worked\sits\sway
        |built|builds|building|scaled|shot|is|are|was|were|been|nudged|headed|trended|trending)\s(?:sharply\s
          |slightly\s|well\s
        |strongly\s|further\s|also\s|all\s|both\s|some\s|still\s)?(?:up|higher|forward|ahead(?!\sof)|upwards?(?!\sof))(?!\sto\sthe\s)
          |rais(?:e[ds]?|ing)|boost(?:s|ed|ing)?|lift(?:s|ed|ing)?
        |regain(?:s|ed|ing)?|accelerat(?:ed|ing)(?=\sto\s)|deepen(?:s|ed|ing)?|(?:took|takes|taking|taken)\son
          |accumulat(?:ed|ing)|built|builds|added|adds|ratchet(?:ed)?\sup|leapt|leaped|vaulted|spiked?|upturn
        |(?<=%\s)(?:higher|larger|more|up|above)(?!\sthan|\sthe|\sits)|(?<=percent\s)(?:higher|larger
          |up)(?!\sthan)|(?<=points\s)(?:higher|wider|up)(?!\sthan)
        |(?:bec[ao]m(?:e|es|ing)|getting|gets?|got|turn(?:s|ed|ing)?|now|much|slightly|grown
          |growing)\s(?:\w+ly\s|much\s|slightly\s|somewhat\s)?(?:heavier|larger|bigger|higher|wider
          |fatter|costlier|dearer|stronger|greater|richer|steeper)(?!\sthan|\sthe)
        |(?<=[a-z]\s)up(?=\s(?:by\s|from\s|on\s(?:the\s|a\s)?year|over\s(?:the\s)?(?:year|two|past)|about\s
          |some\s|roughly\s|nearly\s|almost\s|more\sthan\s|only\s|just\s|slightly|sharply|strongly
          |\d+(?:\.\d+)?(?:%|\spercent|\sper\scent)|(?:a|one|two)\s(?:half|third|quarter|fifth|tenth)))
        |augment(?:s|ed|ing)?|rall(?:y|ied|ying)|ascend(?:s|ed|ing)?|replenish(?:es|ed|ing)?|rebuil[dt](?:s|ing)?
        |bolster(?:s|ed|ing)?|beef(?:s|ed|ing)\sup|topped\sup|heighten(?:s|ed|ing)?|rack(?:s|ed|ing)\sup|pil(?:es|ed|ing)\sup
        |stack(?:s|ed|ing)\sup|went\sthrough\sthe\sroof|gr[eo]w(?:s|n|ing)?\sapace|shot\sup|shoots\sup|ramp(?:s|ed|ing)\sup
        |step(?:s|ped|ping)\sup
        |thicken(?:s|ed|ing)?|fatten(?:s|ed|ing)?|enlarg(?:e[ds]?|ing)|amass(?:es|ed|ing)?|upped|uplift(?:ed)?|revived
        |less\snegative|expansion|growth|uptick|upswing|gains?|stretched)
    | (?P<down>(?<=%\s)(?:lower|smaller|less|down)(?!\sthan)|(?<=percent\s)(?:lower|smaller|down)(?!\sthan)
      |(?<=points\s)(?:lower|narrower|down)(?!\sthan)
        |gr[eo]w(?:n|s|ing)?\s(?:narrower|smaller|lower|weaker|thinner|leaner|lighter|slimmer)
        |(?:bec[ao]m(?:e|es|ing)|getting|gets?|got|turn(?:s|ed|ing)?|now|much|slightly|grown
          |growing)\s(?:\w+ly\s|much\s|slightly\s|somewhat\s)?(?:lighter|smaller|lower|narrower
          |thinner|cheaper|weaker|leaner|slimmer|shorter|poorer)(?!\sthan|\sthe)
        |(?<=[a-z]\s)down(?=\s(?:by\s|from\s|on\s(?:the\s|a\s)?year|over\s(?:the\s)?(?:year|two|past)|about\s
          |some\s|roughly\s|nearly\s|almost\s|more\sthan\s|only\s|just\s|slightly|sharply|strongly
          |\d+(?:\.\d+)?(?:%|\spercent|\sper\scent)|(?:a|one|two)\s(?:half|third|quarter|fifth|tenth)))
        |subsid(?:e[ds]?|ing)|abat(?:e[ds]?|ing)|falter(?:s|ed|ing)?|deflat(?:e[ds]?|ing)|fad(?:e[ds]?|ing)|dent(?:s|ed|ing)?
        |shav(?:e[ds]?|ing)|pull(?:s|ed|ing)?\sback|wound\sdown|winding\sdown|whittl(?:e[ds]?|ing)\sdown|chip(?:s|ped|ping)\saway\sat
        |surrender(?:s|ed|ing)?(?=\s(?:\d|some|an?\s|half|one|two|three))|(?:g[ai]ve[sn]?|giving)\s(?:up|back)(?=\s(?:\d|some|a|an|the|one|two|three|four|five|half|most|part|all|ground|its|\w+\spoints))
        |scal(?:e[ds]?|ing)\s(?:back|down)|run(?:s|ning)?\sdown|dr[ae]w(?:s|n|ing)?\sdown|tapered|taper(?:s|ing)\soff|relinquish(?:es|ed|ing)?
        |slid(?:es|ing)?\sback|c[ao]me?s?\soff|backslid|decay(?:s|ed|ing)?|slim(?:s|med|ming)?\sdown|work(?:s|ed|ing)\sdown
        |thinn(?:ed|ing)|melt(?:s|ed|ing)?|evaporat(?:e[ds]?|ing)|curtail(?:s|ed|ing)?|whittl(?:e[ds]?|ing)
          |prun(?:e[ds]?|ing)|halving|lopped|knocked
        |more\snegative|f[ae]ll(?:s|en|ing)?|declin(?:e[ds]?|ing)|decreas(?:e[ds]?|ing)|drop(?:s|ped|ping)?
          |shr[aiu]nk(?:s|en|ing)?
        |contract(?:s|ed|ing)?|contraction|narrow(?:s|ed|ing)?|slip(?:s|ped|ping)?|sl[ie]d(?:es?|ing)?|sank
          |sinks?|sinking|sunk
        |slump(?:s|ed|ing)?|collaps(?:e[ds]?|ing)|crash(?:es|ed|ing)?|crater(?:s|ed|ing)?|nosedived?
          |crumbl(?:e[ds]?|ing)
        |wan(?:e[ds]|ing)|wither(?:s|ed|ing)?|sagg?(?:s|ed|ing)?|skidd?(?:s|ed|ing)?|shrivell?(?:s|ed|ing)?
          |bled|ran\sdown
        |tumbl(?:e[ds]?|ing)|plung(?:e[ds]?|ing)|plummet(?:s|ed|ing)?|dip(?:s|ped|ping)?|erod(?:e[ds]?|ing)
          |erosion|eas(?:e[ds]?|ing)
        |weaken(?:s|ed|ing)?|retreat(?:s|ed|ing)?|reced(?:e[ds]?|ing)|dwindl(?:e[ds]?|ing)|reduc(?:e[ds]?|ing
          |tions?)|cut(?:s|ting)?|slash(?:es|ed|ing)?
        |lower(?:s|ed|ing)|trim(?:s|med|ming)?|par(?:ed|ing)(?:\sback|\sdown)?|shed(?:s|ding)?|lost|loses|losing
          |compress(?:es|ed|ing)?
        |compression|soften(?:s|ed|ing)?|reined\sin|rein(?:s|ing)\sin|paid\s(?:down|off)|paying\s(?:down|off)
          |pays\s(?:down|off)|scaled\sback|brought\sdown
        |repaid|ebb(?:s|ed|ing)?|cooled|diminish(?:es|ed|ing)?|moderat(?:ed|ing)|drain(?:ed|ing)?|fell\sback
          |depleted|downturn|squeezed
        |(?:came|comes?|coming|went|goes|gone|going|moved|moving|edged|edging|ticked|ticking|drift(?:ed|ing|s)|trended|trending
          |nudged|nudging|is|are|was|were|been|inch(?:ed|ing)|crept|creeping|headed|heading|taken|driven|pushed|brought|bringing
          |forced|ground|grinding|march(?:ed|ing)|trail(?:ed|ing))\s
        (?:sharply\s|slightly\s|well\s|further\s|also\s|all\s|both\s|some\s)?(?:down(?!\sto\searth)
          |lower(?!\sthan)|downward|downwards|backwards))
    | (?P<better>improv(?:e[ds]?|ing|ements?)|got\sbetter)
    | (?P<worse>deteriorat(?:e[ds]?|ing|ion)|worsen(?:s|ed|ing)?|got\sworse|degrad(?:ed|ing))
    | (?P<flat>(?:is|are|was|were|been|remained|stayed|held|stood|remains|stays|holds|broadly|essentially
      |virtually|largely)\s
        (?:broadly\s|virtually\s|essentially\s|largely\s|roughly\s|completely\s)?(?:flat|unchanged|steady|stable
          |level|stagnant|constant|the\ssame\sas\sin)
        |stagnat(?:ed?|ing|es)|treaded\swater|trod\swater|mov(?:ed|ing)\ssideways|flatlined|plateaued|(?:did|has|have)\snot\s(?:budge|change|move)d?|hardly\schanged
          |(?<=\s)unchanged)
    | (?P<moved>(?:went|goes|gone|moved|moves|changed|shifted|passed)(?=\sfrom\s))
    | (?P<times2>doubl(?:ed?|es|ing)(?=\W|$)(?!(?<=double)\s(?:the|[^\w\s]|c[$]))(?!\s(?:digit|the\slevel|that
      |what|its|of|their|annual)))
    | (?P<times3>(?:tripl|trebl)(?:e[ds]?|ing)(?!\s(?:the|that|digit|its)))
    | (?P<times4>quadrupl(?:e[ds]?|ing)(?!\s(?:the|that|its)))
    | (?P<times5>quintupl(?:e[ds]?|ing))
    | (?P<half>halv(?:e[ds]?|ing))
    )(?!\w)
    """,
    re.VERBOSE,
)
FACTORS = {"times2": 2.0, "times3": 3.0, "times4": 4.0, "times5": 5.0, "half": 0.5}
NOUN = re.compile(
    r"(?:growth|declines?|increases?|decreases?|rises?|falls?|drops?|contraction|expansion|erosion|reductions?"
    r"|gains?|jump|dip|cuts?|surge|improvements?|deterioration"
    r"|compression|slide|plunge|tumble|uptick|upswing|upturn|downturn|slip)"
)
TRANSITIVE = re.compile(
    r"(?:grew|growing|grow|grows|multipl(?:ied|ies)|gave.*|giv.*|increas\w+|rais\w+|replenish\w*|rebuil\w+|bolster\w*|beef.*|rack.*|pil.*|stack.*"
    r"|topped up|ramp.*|step.*|shav\w+|dent\w*|pull.*|wound down|winding down|whittl.*|chip.*|scal.*|run.*|dr[ae]w.*"
    r"|relinquish\w*|work.*"
    r"|augment\w*|heighten\w*|boost\w*|lift\w*|expand\w*|widen\w*|improv\w+|strengthen\w*"
    r"|reduc\w+|cut|cuts|cutting|slash\w*|lower\w*"
    r"|trim\w*|par(?:ed|ing).*|shed\w*|doubl\w+|tripl\w+|trebl\w+|quadrupl\w+|halv\w+|rein.*|paid.*|pay.*"
    r"|scaled back|brought down|repaid|built.*|builds|building.*|added|adds|narrow\w*|eas\w+"
    r"|accumulat\w+|(?:took|takes|taking|taken)\son|regain\w*|deplet\w+|drain\w*|declining|falling|rising"
    r"|shrinking|climbing|dwindling|soaring|eroding|deteriorating|contracting|swelling|surging"
    r"|tumbling|plunging|slipping|weakening|mounting|worsening|gr[eo]w\w*|lost|ballooning|slid\w*|sliding"
    r"|shrunken|diminish\w*|squeez\w+|compress\w+)"
)
COSTLY = frozenset(
    {"Total debt", "Net debt", "Interest expense", "Debt to equity", "Debt to EBITDA", "Debt to assets", "Trailing P/E"}
)
LOSS = re.compile(r"(?:net |operating )?loss(?:es)?$|burn$|outflow$")
NEAR = re.compile(
    r"(?:\s(?:by|about|around|roughly|nearly|almost|more|than|less|over|under|some|an?|the|just|only|further"
    r"|another|approximately|close|to"
    r"|slightly|as|much|up|modestly|sharply|nothing|lost|gained|full|total|of|well|again|even|steeply|strongly"
    r"|a little|little|further|at|least"
    r"|below|above|equivalent|circa|touch))*\s?"
)
DETERMINED = re.compile(
    r"(?:\b(?:an?|the|this|that|its|of|by|no|any|some|sharp|steep|further|modest|slight|recent|steady|strong"
    r"|revenue|sales|earnings|profit|dividend|margin|year)|%|percent|points?)\s$"
)
AUXILIARY = re.compile(
    r"s?\s(?:\w+\s){0,2}?|[^;]{0,40}\b(?:has|have|had|been|was|is|to|were|are|also|then|again|and|even|still|now"
    r"|both|all|each|further|sharply|slightly|modestly)\s|[^a-z]{0,20}"
)
FROM_FIGURE = re.compile(r"(?:\s[\w.,%]+){0,7}?\s(?:from|since|off|above|below|against)\s(?=its |the |their |\d)")
HIGHER = re.compile(
    r"(?:^|[,;:]\s|\b(?:on|by|and|from|with|despite|of|to|while|but|because|as|amid|saw|brought|reported|posted"
    r"|recorded|generated|has|had|shows|showed|with)\s(?:an?\s)?)(?:also\s)?(?:an?\s)?(?P<word>higher|lower|heavier|lighter"
    r"|weaker|stronger|smaller|larger|better|worse|thinner|narrower|wider|fatter|more|less"
    r"|fewer)\s(?=\w)"
)
COPULA = re.compile(r"(?:is|are|was|were)\s(?:also\s|slightly\s|well\s)?(?:lower|higher)")
SUFFERED = re.compile(
    r"\b(?:saw|sees|seen|record(?:ed|s)|post(?:ed|s)|suffer(?:ed|s)|show(?:ed|s|n)|register(?:ed|s)|enjoy(?:ed"
    r"|s)|report(?:ed|s)|experienc(?:ed|es)|had|in|on the)"
    r"\s(?:an?\s)?(?:[\w.%]+\s){0,3}$"
)
# `the highest quarterly margin fell in the fourth quarter`: a date, not a change.
FELL_IN = re.compile(
    r"(?:\b(?:quarter|third|half|most|share|part|percent)|%) of [^,;]*$|\b(?:loss|losses|highest"
    r"|lowest|largest|smallest|biggest|best|worst|weakest|strongest|heaviest|greatest|peak"
    r"|trough|high|low|record|sole)\b[^,;]*(?:, [^,;]{1,40},\s)?$"
)
FELL_ON = re.compile(
    r"\s(?:in|on|within|into|during)\s(?:the\s)?(?:first|second|third|fourth|final|last|latest"
    r"|q\d|fy|20\d\d|\w+\squarter)"
)
# The subject of `widen` or `narrow` is the difference between two figures.
BETWEEN = re.compile(
    r"\b(?:gap|difference|spread|distance|discount|premium|shortfall|deficit|lead|advantage)\s(?:\w+\s){0,2}$"
)
# `takes up half of`: a verb with its particle, not a change.
PARTICLE = re.compile(
    r"\b(?:tak(?:es?|ing|en)|took|mak(?:es?|ing)|made|eat(?:s|ing|en)?|ate|sets?|swallow(?:s|ed)|us(?:es?|ed|ing)"
    r"|add(?:s|ed)?|end(?:s|ed)|pa(?:ys?|id|ying)|soak(?:s|ed)|suck(?:s|ed)|gobbl(?:es|ed)|boil(?:s|ed)|break(?:s)?)\s$"
)
# `before easing the following year`: of a date that is only relative to another.
FOLLOWING = re.compile(
    r"\s(?:again\s|back\s)?(?:(?:in\s)?the\s(?:following|next|subsequent)\s(?:year|quarter)|thereafter|afterwards|subsequently)\b"
    r"|\sto\s[^,;]{1,30}\sin the (?:next|following|subsequent)\b"
)
# `then recovered`, `a year after it had grown`: of another date than the one that the sentence names.
LATER = re.compile(
    r"\b(?:since been|then|later|subsequently|afterwards|(?:it|they) had|after (?:it|they) had)\s(?:\w+ly\s)?$"
)
RESPECTIVELY = re.compile(r"\brespectively\b")
SET_AGAINST = re.compile(
    r"(?:compared (?:with|to)|against|relative to|versus|next to) (?:the )?(?:fy|fiscal|20\\d\\d"
    r"|year|prior|previous|\\w+ (?:year|quarter))"
)
THEN = re.compile(
    r"\s(?:in )?(?:(?:the|a|one) (?:year|quarter) (?:before|earlier|ago)|(?:the )?(?:prior|previous) (?:year|quarter))"
)
# `regained the point it had lost`, and `for every dollar the company lost 75 cents`.
REGAINED = re.compile(r"\b(?:it|they) (?:had|has) $|\bfor (?:every|each)\b[^;]*$")
ECHO = re.compile(r",? and so (?:did|has|have|was|were|is|are)\s")
APART_FROM = frozenset({"higher", "lower", "larger", "smaller", "more", "less"})
SHORT = re.compile(r"\s(?:\S+\s){0,4}?short\b")
GAIN_BEFORE = re.compile(
    r"\s?(?:of\s)?(?:the\s)?(?:year on year |year over year |annual |sequential |quarterly |net |sharp |steep "
    r"|modest |further |overall )*"
)
