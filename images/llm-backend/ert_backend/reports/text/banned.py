"""Banned content: patterns over folded text for links, advice, accusations, orders, and model self-references.

Data only. Every repetition is bounded, so that a search is linear in the length of the text.
"""

from __future__ import annotations

import re


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts))


_TLD = (
    "com|org|net|io|info|biz|xyz|ru|cn|onion|online|shop|site|top|click|link|live|app|dev|example|test|co|me|ly|gg|to"
)
LINK = _any(
    r":\s?/\s?/|/\s?/|\\|@|\bwww\b|\b(?:h[tx]{2}ps?|s?ftps?|wss?|ldaps?|jndi|ipfs|magnet)\b",
    r"\b(?:javascript|vbscript|mailto|blob|tel|sms|bitcoin|whatsapp|telegram|view-source):(?=\S)|\bdata:\w+[/,;]",
    rf"\w\s{{0,3}}(?:\(\s?)?(?:\b(?:dot|point)\b|\.\s?\))\s{{0,3}}\)?\s{{0,3}}(?:{_TLD})\b(?! (?:bubble|boom|bust|era"
    rf"|crash|crisis))",
    r"\w\s{0,3}\.\s{1,3}(?:com|org|io|xyz|biz|onion|ru)\b|\w\s{1,3}\.(?:com|org|net|io|xyz|biz|onion|ru)\b",
    r"\b\d{1,3}(?:\s?(?:\.|\bdot\b|\(\.\))\s?\d{1,3}){3}\b|(?:\b[0-9a-f]{1,4}:{1,2}){3,8}|::[0-9a-f]{1,4}\b",
    r"\w\s?,\s?(?:com|org|io)\b|\+\d{1,3}[ -]?\(?\d{2,4}\)?[ -]\d{3,4}",
    r"\b[0o]x[0-9a-z]{6,}|\blocal\s?host\b|(?<![\w&])#[a-z]\w",
)
# Tag, table, code, unbounded emphasis, remains of an entity or an encoding.
MARKUP = _any(
    r"<(?=[a-z/!?])|</|/>|[|`{}\[\]]|~~|_{2,}|\*{3,}|!\(|\]\(|&#?\w{1,31};|%[0-9a-f]{2}%[0-9a-f]{2}",
    r"\bon(?:error|load|click|mouseover|focus)\s?=|\b(?:src|href|srcdoc|style)\s?=",
)
DOMAIN = re.compile(r"(\w[\w-]{0,62})\.([a-z]{2,24}|[A-Z]{2,24})(?!\w)")
# `B2B` is a word; three of them in a sentence are a cipher.
CIPHER = re.compile(r"[a-z][0134578]{1,2}[a-z]", re.IGNORECASE)
ENCODED = re.compile(r"\S{41,}|\b(?=\w{0,40}\d)(?=\w{0,40}[a-z])(?=\w{0,40}[A-Z])\w{20,}")

_SHARES = r"(?:stocks?|shares?|equity|securit(?:y|ies)|position|dip)"
_READER = (
    r"(?:investors?|readers?|(?:share|stock)?holders|traders?|clients?|buyers|everyone|everybody|anyone"
    r"|we|people)"
)
_NOT_NOUN = r"(?![- ]?(?:side|sided|off|through|back|backs|in|out|interest|term|seller|sellers|dated|cycle|lived)\b)"
ADVICE = _any(
    r"\bstrong(?:ly)?[ _-](?:buy|sell|recommend\w*)\b",
    rf"\b(?:buy|sell|short|dump|accumulate|grab)(?:ing)?[ -](?:it |them |some |more |in |up )?(?:now|today"
    rf"|tonight|tomorrow|immediately"
    rf"|asap|at once|while you|before it|(?:the|this|its|their|these|more) {_SHARES})\b",
    r"\b(?:time|moment|opportunity|chance|point) to (?:buy|sell|invest|get in|get out|act|accumulate|enter|exit"
    r"|short)\b",
    r"\bbuy(?:ing)?[ -](?:opportunit(?:y|ies)|signal|rating|recommendation|call|zone)\b|\b(?:attractive "
    r"|good )entry point\b",
    r"\b(?:sell|hold)(?:ing)?[ -](?:signal|rating|recommendation|call)\b|\bmust[ -](?:buy|own|have|hold)\b",
    rf"\b{_READER} (?:\w+ ){{0,2}}?(?:should|must|ought to|had better|need to|have to|want to"
    rf"|would do well to) (?:\w+ )?"
    r"(?:buy|sell|hold|own|avoid|invest|add|reduce|exit|act|rush|purchase|accumulate|consider (?:buy|sell|add"
    r"|own|this))",
    rf"\b{_READER} are (?:\w+ )?(?:advised|urged|encouraged|invited|recommended|asked|told)\b|\bwould do well to\b",
    r"\b(?:should|must|ought to) (?:\w+ ){0,2}?be (?:bought|sold|avoided|owned|shorted|dumped|accumulated)\b",
    rf"\b(?:should|must|recommend\w*|advis(?:e|es|ed)|suggest\w*|urg(?:e|es|ed)) (?:\w+ ){{0,3}}?(?:buy|sell"
    rf"|purchas|own|hold|avoid|dump|short)"
    rf"(?:e|ing)? (?:\w+ )?{_SHARES}\b",
    rf"\b(?:we|i) (?:\w+ )?(?:recommend|advise|suggest|urge)\b|\b(?:a|an|the|one) (?:\w+ )?(?:buy"
    rf"|sell)\b{_NOT_NOUN}(?=[\s.,;:!?)]|$)(?! (?:and|or|order))",
    r"\brat(?:ed?|ings?)\b[^.;]{0,20}?\b(?:strong[_ ])?(?:buy|sell|overweight|outperform|underweight|underperform)\b",
    rf"^[\"'*\s-]{{0,4}}(?:so |then |now |just |hurry[,!]? )?(?:buy|sell|short|invest|accumulate|hurry|grab"
    rf"|avoid|load up)\b{_NOT_NOUN}",
    r"\bguaranteed\b|\bguarantees? (?:a|an|the|that|you|profits?|returns?|gains?|success|growth|future)\b",
    r"\b(?:will|would|shall|must|can) (?:\w+ )?(?:certainly|surely|definitely|undoubtedly|inevitably|for sure"
    r"|without (?:a )?doubt|no doubt)\b",
    r"\b(?:certain|sure|bound|destined) to\b|\b(?:can ?not|can't|won't|will not|never) (?:fail|lose|fall"
    r"|go (?:wrong|down)|miss)\b",
    r"\brisk[ -]?(?:free|less)\b(?! (?:rate|yield|asset|return)s?\b)|\b(?:no|zero"
    r"|without(?: any)?) risk\b(?! (?:of|that|premium|weight))",
    r"\bget rich\b|\bto the moon\b|\bsky ?rocket\w*|\bmoonshot\b|\bonce in a lifetime\b|\b(?:don't|do not"
    r"|never) miss\b|\blast chance\b",
    r"\bact (?:now|fast|quickly)\b|\bhurry\b|\blimited time\b|\b(?:easy|free) money\b|\b(?:hot|insider) tips?\b"
    r"|\bno[ -]brainer\b"
    r"|\bsure (?:thing|bet)\b|\btop pick\b|\bdouble your\b|\bmillionaires?\b",
    r"\bwill (?:\w+ )?(?:double|triple|quadruple|soar|surge|explode|rocket|crash|collapse|plummet)\b",
    r"\bsmart money\b|\bpiling into\b|\bget(?:ting)? in (?:now|early|before|on)\b|\bload(?:ing)? up\b"
    r"|\bwatch ?list\b|\btoo late\b",
    r"\b(?:every|any|your|place in a|core of a) portfolio\b|\b(?:multi|ten)-?bagger\b|\b\d{1,4}x returns?\b"
    r"|\bon dips\b",
    r"\brecommendations?\b(?: is| of|:| -){0,2} (?:strong )?(?:buy|sell|hold|accumulate|reduce|avoid|add)\b",
    r"\b(?:is|are|was|were|seems?|looks?|be) (?:\w+ )?(?:assured|a certainty|inevitable|unstoppable|an? (?:sure"
    r"|certain|safe) winner|a steal)\b",
    r"\b(?:sure|certain|safe) (?:winner|bet|thing|gain|profit)s?\b|\bno way\b|\b(?:can|will) only (?:go up|rise"
    r"|gain)\b",
    r"\b(?:set|poised|about|going|ready|primed) to (?:explode|soar|surge|double|triple|rocket|moon|pop|crash"
    r"|collapse)\b",
    r"\b(?:buy|sell|dump|short|exit|ditch) (?:everything|it all|all of it|your|positions?)\b",
)
ADVICE_RUN = _any(
    r"strongbuy|strongsell|buynow|sellnow|buytoday|buythestock|buytheshare|sellthestock|selltheshare|buyimmediately",
    r"guaranteed|willcertainly|willsurely|willdefinitely|willundoubtedly|riskfree(?!rate|yield|asset)|skyrocket"
    r"|actnow|getrich",
)

SAFE = _any(
    r"\b(?:anti|cyber)[ -]?(?:fraud|crime|corruption|money[ -]laundering|bribery|theft)\b",
    r"\bfraud(?: and [\w-]{1,20})?[ -](?:detection|prevention|protection|management|monitoring|analytics"
    r"|scoring|solutions?|tools?|controls?)\b",
    r"\b(?:crime|criminal) (?:insurance|justice|prevention)\b|\binvestigational\b|\bidentity theft\b"
    r"|\btheft protection\b|\bcardiac arrest\b",
    r"\bchange to the mean analyst target\b",  # label of a derived figure
)
ACCUSATION = _any(
    r"\bcrim(?:e|es|inal\w*)\b|\bfraud\w*|\binvestigat(?:e|es|ed|ing|ions?)\b|\bindict\w*|\bprosecut\w*"
    r"|\bembezzl\w*|\blaunder(?:s|ed|ing)\b",
    r"\bbrib(?:e|es|ed|ing|ery)\b|\bcorrupt(?:ion|ed)?\b|\bscam(?:s|mers?|med|ming)?\b|\bswindl\w*|\bponzi\b"
    r"|\bpyramid scheme\b|\bsham\b",
    r"\bstole\b|\bstolen\b|\btheft\b|\bthie(?:f|ves)\b|\blawsuits?\b|\bsue[sd]?\b|\bsuing\b|\bclass[ -]action\b"
    r"|\binsider (?:trad|deal)ing\b",
    r"\birregularit\w*|\bcook(?:s|ed|ing)? (?:the|its|their) books\b|\bfalsif\w+|\bfabricat(?:es|ed|ing) (?:its"
    r"|the|figures|numbers|results|sales)\b",
    r"\bfak(?:e|es|ed|ing)\b|\bforg(?:ed|ing) (?:documents|invoices|books|signatures)\b|\bconvict(?:s|ed|ion"
    r"|ions)\b|\bguilty\b|\barrest(?:s|ed)?\b",
    r"\bjail\w*|\bimprison\w*|\bin prison\b|\bfelon\w*|\bsubpoena\w*|\braided\b|\b(?:sec|doj|ftc|federal"
    r"|criminal) probe\b|\bprobe into\b",
    r"\b(?:misconduct|wrongdoing|racketeer\w*|cartel|price[ -]fixing|tax evasion|blackmail\w*|extort\w*"
    r"|terroris\w*|money[ -]mule)\b",
    r"\bmanipulat(?:es|ed|ing|ion)\b|\bdecei(?:t|v)\w*|\bdecepti\w+|\bmislead\w*|\bmisled\b|\bdishonest\w*"
    r"|\bl(?:ied|iars?)\b|\bcheat\w*",
    r"\billegal\w*|\bunlawful\w*|\balleg(?:e|es|ed|edly|ations?)\b|\baccus(?:e|es|ed|ations?)\b"
    r"|\bcharged with\b|\bcharges? of\b",
    r"\bbankrupt\b|\bfil(?:e|es|ed|ing) for bankruptcy\b|\b(?:brink|verge) of bankruptcy\b|\binsolvent\b",
    r"\bloot(?:s|ed|ing)\b|\bdoctor(?:ed|ing) (?:the|its|their|accounts|books|figures)\b|\bcrooks?\b"
    r"|\bcrooked\b|\bprobed\b|\bprobes into\b",
    r"\bpolice\b|\bsearched (?:its|the|their) (?:headquarters|offices?|premises)\b|\blook(?:s|ed"
    r"|ing)? into (?:its|the|their) (?:books|accounts)\b",
    r"\b(?:sec|doj|ftc|regulators?|authorit(?:y|ies)|court|government) (?:\w+ )?(?:charge[sd]|fine[sd]|sue[sd]"
    r"|raid(?:s|ed)|search(?:es|ed))\b",
    r"\bsentenced\b|\blies to\b|\blying to\b|\bkill(?:s|ed|ing)?\b|\bhid(?:es|ing|den)? (?:its |the "
    r"|their )?(?:loss|debt|liabilit)\w*|\bconceal\w*",
    r"\bdodg\w{1,3} tax\w*|\bshell compan(?:y|ies)\b|\brefused to sign\b|\bcover[- ]?up\b|\bkick ?backs?\b"
    r"|\brigg(?:ed|ing)\b|\bscandal\w*",
    r"\bharass\w*|\babus(?:ed|es|ing|ive)\b|\bshady\b|\bphantom (?:revenue|sales|customers)\b|\bsiphon\w*"
    r"|\bdivert(?:ed|ing) (?:funds|money|cash)\b",
)
ACCUSATION_RUN = _any(
    r"fraud(?!detection|prevention|protection|management|monitoring|analytics|scoring|solution|tool|control"
    r"|and)|embezzl",
    r"moneylaunder|investigation(?!al)|underinvestigation|insidertrading|criminal(?!justice)|indictment|ponzischeme",
)

_VERBS = (
    "act|add|answer|append|ask|avoid|begin|check|claim|ditch|dump|exit|keep|praise|pretend|search|unload|bypass"
    "|call|change|click|close|contact|copy|delete|deposit|disregard|do|donate"
    "|download|email|end|enter|execute|fetch"
    "|follow|forget|forward|give|go|ignore|insert|install|join|leak|let|make|mention|obey|open|output|override"
    "|pay|post|print|put|quote|read|refer"
    "|register|repeat|replace|reply|respond|reveal|run|say|scan|send|set|share|show|sign|speak|speculate|start"
    "|state|stop|subscribe|switch|take|tell|text"
    "|transfer|translate|treat|try|type|use|visit|vote|wire|write"
)
_OBJECTS = (
    "the|this|that|these|those|all|any|an?|us|me|it|its|them|him|her|now|to|out|up|only|your|my|our|every"
    "|everything|everyone|with|as|at|in|on|no"
    "|yes|nothing|back|here|money|funds|every|each|not|today|off|for|from|like|previous|above|prior"
    "|instructions?|rules?|hacked|buy|sell|[\"'\\d]"
)
ORDER = _any(
    r"\b(?:you|your|yours|yourself|y'all)\b|\bplease\b|\bkindly\b",
    rf"(?:^[\"'*\s-]{{0,4}}|[.!?:;\u2013\u2014]\s{{0,3}}[\"'*\u201c]{{0,3}}"
    r"|\bthen |\bjust |\balways |\bnever |\bdo not "
    rf"|\bdon't )(?:{_VERBS}) (?=(?:{_OBJECTS})\b|[\"'\d])",
    r"\b(?:ignor|disregard|forget|overrid|bypass|obey|reveal|repeat|translat|reproduc|leak)\w{0,5} (?:\w+ ){0,3}?"
    r"(?:instructions?|rules?|prompts?|above|previous|prior|orders?|everything|checks?|system|messages?"
    r"|figures?|headlines?)\b",
    r"\bsystem (?:prompt|message|override)|\bdeveloper (?:mode|message)|\bjailbreak\w*|\b(?:new|hidden"
    r"|following) instructions?\b",
    r"\bend of (?:the )?(?:data|prompt|text|block)\b|\binstructions? (?:above|below|from)\b"
    r"|\bauthori[sz]es? (?:you|the model|the ai)\b",
    r"\b(?:click|tap|go|visit|sign up|log ?in|register|subscribe|download|read|find out|learn"
    r"|more)\b(?: \w+){0,4}? (?:here|link|below|website|web ?site|url"
    r"|telegram|whatsapp|discord|channel|newsletter)\b",
    r"\b(?:api|secret|private) keys?\b|\bpass(?:word|phrase)s? (?:is|are|to|of|from|and)\b|\bseed phrase\b"
    r"|\bcredentials\b",
    r"\b(?:must|should|has to|have to|needs? to|are to|is to) (?:\w+ )?(?:answer|reply|respond|say|write|print"
    r"|repeat|output|state|mention|end) (?:with|that|the|only|every)\b",
    r"\b(?:asked|told|invited|urged|requested|required|instructed|ordered) to (?:\w+ )?(?:transfer|send|wire"
    r"|pay|donate|deposit|call|click|visit|write|say|buy|sell)\b",
    r"\bhacked\b|\bprice_target\b|\brating\s?=|\bdrop table\b|\bwire transfer to\b",
    r"^[\"'*\s-]{0,4}(?:from now on|whatsapp|system|assistant|user|human|important|attention|urgent"
    r"|new policy)\b\s?(?:\*\*)?[:,+]",
    r"^[\"'*\s-]{0,4}(?:stop|start|keep) \w{2,20}ing\b|\balways (?:say|praise|write|mention|answer|recommend"
    r"|call|state)\b|\bpretend\w*|\b(?:promo|coupon"
    r"|discount|referral) code\b",
    r"\b(?:check out|find|follow|join|search|look for|message)\b[^.]{0,40}?\b(?:on (?:telegram|discord|whatsapp"
    r"|signal)|on the web)\b",
    r"^[\"'*\s-]{0,4}(?:whatsapp|telegram|discord) (?:\+|\d|us|me|now)",
)
ORDER_RUN = _any(
    r"ignore(?:all|the|any|previous|prior|above|your|every)|disregard(?:all|the|any|previous)|systemprompt"
    r"|previousinstruction|newinstruction",
    r"clickhere|clickthelink|visitourwebsite|callnow|signupnow|subscribenow",
)

META = _any(
    r"\bas an? (?:ai|artificial intelligence|language model|assistant|llm)\b|\b(?:large )?language model\b"
    r"|\bai (?:model|assistant)\b",
    r"(?<!phase )(?<!tier )(?<!type )(?<!part )(?<!class )\bi(?:'m|'ve|'ll|'d| am| have| will| can| could"
    r"| would| cannot| can't| hope| apologi[sz]e"
    r"| think| need| should| must| don't| do not| believe)\b",
    r"\blet me\b|\blet's\b|\blet us\b|\bmy (?:task|answer|response|instructions|analysis|draft)\b|\b(?:hope"
    r"|hopefully) (?:this|that|it) helps\b",
    r"\bhere(?: is| are|'s| follows)\b[^.]{0,60}?\b(?:sections?|summary|analysis|thesis|report|paragraphs?"
    r"|sentences?|version|draft|answer|text|json"
    r"|re-?write|way|how|list|bullets?|points?|revised|re-?written|examples?)\b",
    r"^[\"'*\s-]{0,4}(?:sure|certainly|of course|absolutely|okay|ok|great|alright|understood|got it"
    r"|no problem)\s?[,.!:]",
    r"^[\"'*\s-]{0,4}(?:note|disclaimer|draft|revised|rewritten|output|answer|response|sentence \d+|version"
    r"|json|text|facts?|ids?|task)\s?(?:\*\*)?:",
    r"\bthe (?:user|prompt)\b|\bthe (?:task|assignment) (?:is|says|asks|was|requires)\b|\bthe reader (?:wants?"
    r"|asks?|needs?)\b",
    r"\bwe (?:need to|have to|must|should|can|will|are asked to|are going to|could) (?:write|mention|say|use"
    r"|output|produce|include|cite|follow|list|avoid"
    r"|keep|give|provide|answer|respond|start|stay|not)\b",
    r"\b(?:placeholders?|square brackets|double brackets|fact[_ ]ids?|json|markdown|word count|listed ids?"
    r"|the ids?|bullet per)\b",
    r"\bas (?:requested|instructed|asked)\b|\blet me know\b|\bfeel free\b|\bhappy to help\b"
    r"|\bfurther assistance\b|\bwould you like\b",
    r"\b(?:this|the following|the above|each) (?:section|paragraph|summary|report|response|answer"
    r"|bullet(?: point)?s?|sentences?|text|draft) (?:\w+ )?"
    r"(?:is|are|was|covers?|describes?|provides?|outlines?|summari[sz]es|will|can|should|must|contains?"
    r"|presents?|has been|have been)\b",
    r"\b(?:can|could|may|should|to) be (?:re-?)?(?:written|phrased|worded)\b(?! (?:off|down))"
    r"|\bwritten as follows\b|\bis as follows\b",
)
