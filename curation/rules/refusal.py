"""Answers that refuse, or that open with what a language model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.response import ANSWERS, ASKS_FOR_A_PART, NAMES_A_MODEL, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

HEAD_CHARS = 200
_TRACE = (
    r"orry|pologi|unable|annot|an['’]t |an not|not able|on['’]t |ill not|not comfortable|decline|"
    r"anguage model|mod[eè]l[eo] "
    r"| AI\b| LLM|A\.I\.|chatbot|omputer program|rtificial|ssistant| nicht |ésolé|peux pas|peux malh|"
    r"pas en mesure|amento"
    r"| puedo|iento|isculp|\bIA\b|\bKI|prachmodell|作为"
)
_SERVICE = (
    r"(?:help|assist|provide|offer|answer|fulfill?|comply|complete|create|generate|write|produce|give|"
    r"share|support|"
    r"discuss|engage|participate|do that|do this|continue|respond|process (?:this|that|your) request|perform|"
    r"accommodate|recommend|suggest|translate|summarize|access|browse|open|view|see (?:the|any|your)|display|"
    r"play|draw|predict|have (?:personal|feelings|opinions)|express|advise|tell you|satisfy|grant|"
    r"carry out|work on|solve|address|handle|be of (?:help|assistance)|endorse|condone|encourage|"
    r"promote)"
)
# Unwilling or unable, with what is refused: "I can't believe" and "we don't have that" are none.
_CANNOT = (
    r"(?:can['’]t|cannot|can not|could not|won['’]t|will not|(?:am|are|['’]m|['’]re|be) (?:unable|"
    r"not able) to|"
    r"(?:must|have to|need to|will have to|would have to)? ?(?:respectfully |politely )?(?:decline|"
    r"refuse) to|(?:do not|don['’]t) have the "
    r"(?:ability|capability|capacity) to)"
)
REFUSAL = (
    rf"(?i)\bwe (?:can['’]t|cannot|can not|are unable to|are not able to|won['’]t) (?:help|assist|"
    rf"answer|discuss)\b"
    rf"|\bi(?: |\b)(?:(?:really|simply|just|unfortunately|also|sadly|"
    rf"still) )?{_CANNOT}(?: be able to)?"
    rf"(?: (?:directly|actually|really|in good conscience|ethically|currently|legally|fully|"
    rf"personally))? {_SERVICE}\b"
    r"|\b(?:i|we)(?:['’]m|['’]re| am| are) (?:(?:just|simply|still|sorry,? but i am|sorry,? but i['’]m) )?"
    r"not (?:allowed|permitted|authorized|programmed|designed|equipped|comfortable|willing) (?:to|with|in)\b"
    r"|\bi (?:must|have to|will have to|need to) (?:respectfully |politely )?(?:decline|refuse)\b"
    r"|\bi (?:do not|don['’]t) (?:feel comfortable|have access to)\b"
    r"|\A\W*(?:i['’]m |i am )?(?:really |very )?sorry,? (?:but )?(?:i|that['’]s|that is|"
    r"this is) (?:can['’]t|cannot|won['’]t|not something i|against|"
    r"beyond my|outside (?:of )?my (?:cap|abil))"
    r"|\bit(?: is|['’]s)(?: not|n['’]t) (?:ethical|appropriate|legal) (?:for me )?to (?:provide|assist|"
    r"help|write|create|share)"
    r"|\b(?:das|dabei|damit|hier(?:bei)?|ihnen|dir)?\s?kann ich (?:dir |ihnen |ihre |deine |diese |"
    r"das )?(?:leider |dabei |damit |hierbei )*"
    r"(?:\pL+ ){0,3}nicht (?:\pL+ ){0,2}(?:helfen|beantworten|weiterhelfen|unterstützen|geben|"
    r"schreiben|erstellen|bereitstellen|erfüllen|tun)"
    r"|\bich kann (?:\pL+ ){0,5}nicht (?:\pL+ ){0,3}(?:helfen|beantworten|weiterhelfen|unterstützen|"
    r"geben|schreiben|erstellen|bereitstellen|erfüllen)"
    r"|\bich bin nicht (?:in der lage|befugt|berechtigt)"
    r"|\bje (?:suis (?:désolée?|navrée?)[^\n]{0,20}je )?(?:ne |n['’])(?:peux|suis|puis|"
    r"pourrai) (?:malheureusement )?pas (?:vous |t['’]|te |y |en mesure|"
    r"capable|autorisé|répondre|fournir|aider|écrire|créer|générer|donner|satisfaire|accéder)"
    r"|\b(?:lo siento|me temo|disculp\pL+|lamento)[^\n]{0,30}\bno puedo\b|\bno (?:puedo|"
    r"podré) (?:ayudar|proporcionar|responder|asistir|cumplir|"
    r"escribir|crear|generar|ofrecer|acceder|hacer eso|brindar|darte|darle)"
    r"|\bno (?:soy capaz|estoy en condiciones|tengo permitido|estoy autorizad)"
)
_A_MODEL = (
    r"(?:(?:large|artificial intelligence|ai|advanced|virtual|text-based|digital|machine|computer|mere|"
    r"simple|conversational) )*"
    r"(?:language model|a\.?i\.?|artificial intelligence|chatbot|(?:virtual|digital|ai) assistant|llm|"
    r"machine learning model|ai model|ai system|"
    r"computer program)(?: \(\w+\))?"
)
DISCLAIMER = (
    rf"(?i)\bas (?:just |merely )?an? {_A_MODEL}(?:,[^.!?\n]{{0,80}}?|(?: (?:developed|created|trained|"
    rf"made|built|designed)[^.!?\n]{{0,60}}?)?)\s(?:i|my)\b"
    rf"|\bi(?:['’]m| am) (?:just |only |merely |simply )an? {_A_MODEL}\b"
    rf"|\bi(?:['’]m| am) an? {_A_MODEL}\b[^.!?\n]{{0,60}}?\b(?:don['’]t|do not|can['’]t|cannot|unable|"
    rf"not capable|without|lack)\b"
    r"|\bals (?:ein(?:e|em|er)? )?(?:ki|künstliche intelligenz|(?:ki-)?sprachmodell|ki-\pL+|"
    r"virtueller assistent)\b[^.!?\n]{0,60}\bich\b"
    r"|\ben tant qu(?:e |['’])(?:une? )?(?:ia|intelligence artificielle|modèle (?:de langage|"
    r"linguistique)|assistant virtuel)\b[^.!?\n]{0,60}\bj"
    r"|\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de (?:lenguaje|ia)|asistente virtual)\b"
    r"|作为(?:一[个名款种]?)?(?:人工智能|ai|AI|大?语言模型|智能助手)"
)
FIGURE_OF_SPEECH = (
    r"(?i)help(?:ing)? (?:but|noticing|feeling|thinking|wonder)|see (?:any|the) (?:reason|harm|point)"
    r"|(?:express|describe|thank) (?:how|my|enough|you enough)|tell you how"
)
# What may well be refused: harm, or what a text model has not: the present, the web, hands, senses, feelings.
HARM = (
    r"(?i)\b(?:kill|murder|suicid|self-?harm|weapon|bombs?\b|explosive|guns?\b|ammunition|hack|malware|"
    r"ransomware|"
    r"phish|exploit|steal|stolen|theft|robb|shoplift|illegal|drugs?\b|meth\b|cocaine|heroin|narcotic|poison|"
    r"terroris|cyber-?attack|ddos|violen|tortur|abus|assault|rap(?:e\b|ist)|porn|sex|nude|erotic|racis|"
    r"slur|hate\b|"
    r"hateful|nazi|genocid|discriminat|insult|offensive|bully|harass|stalk|spy on|fraud|scam|"
    r"counterfeit|forge a|"
    r"fake|launder|tax evasion|blackmail|extort|bypass|piracy|pirated|credit card|social security|"
    r"home address|"
    r"phone number|personal (?:data|info|details)|private (?:data|info|details)|confidential|cheat|plagiar|"
    r"misinformation|disinformation|propaganda|conspira|manipulat|deceiv|harm|overdose|diagnos|"
    r"medication|dosage|"
    r"symptom|prescri|legal advice|lawsuit|invest (?:in|my)|which stocks?|copyright|lyrics|computer virus|"
    r"crack (?:a|the|into|open)|(?:someone|somebody|wife|husband|girlfriend|boyfriend|neighbou?r|"
    r"friend|boss|his|her|"
    r"their)(?:['’]s)? (?:password|account|phone|wi-?fi|e-?mail)|waffe|töte|stehl|drogen|vergift|"
    r"betrug|tuer\b|"
    r"pirater|voler\b|drogue|illégal|empoisonn|matar\b|hackear|robar\b|droga|ilegal|contraseñ|veneno)|"
    r"bombe\b|bomba\b"
)
_MEDIA = r"(?:image|photo|picture|video|audio|recording|song|file|pdf|document|attachment|screenshot)s?"
OUT_OF_REACH = (
    r"(?i)\b(?:today|tonight|tomorrow|yesterday|right now|currently|latest|real-?time|up-to-date|"
    r"this (?:week|month|year)|"
    r"news|headlines|weather|forecast|stock price|share price|traffic (?:now|jam)|internet|browse|"
    r"https?:|www\.|"
    r"(?:this|the|that|following|my) (?:link|url|web ?site|web ?page)|attach\w*|upload\w*|"
    rf"(?:this|the|that|these|following|my) {_MEDIA}|(?:draw|play|sing|paint|photograph) (?:me|us|an?|"
    rf"the|some|my)|"
    rf"(?:create|generate|make|show|send|edit)(?: me)?(?: an?| the| some| my)?(?: \w+){{0,2}} {_MEDIA}|"
    r"(?:send|call|text|book|order|buy|pay|reserve|set|e-?mail) (?:me|my|him|her|them|this|us|"
    r"an? (?:\w+ )?(?:e-?mail|"
    r"message|text|call|table|flight|hotel|tickets?|taxi|pizza|alarm|reminder|timer|appointment|room|"
    r"ride|cab))|"
    r"remind me|near me|nearby|my location|where am i|who am i|my name|last time we|"
    r"you (?:feel|see|hear|taste|smell|love|like|hate|prefer|believe|dream|remember|think|ever|seen|"
    r"been|watch|felt)|"
    r"your (?:own |personal )?(?:favou?rite|opinions?|feelings?|name|age|birthday|family|parents|"
    r"thoughts?|dreams?|hobb|"
    r"experiences?|beliefs|view|day|mood|creator|memory)|you (?:conscious|sentient|alive|human|real|"
    r"a robot|an ai)|"
    r"predict|will (?:happen|win|be the next)|lottery|the future|heute|morgen|gerade|aktuell\w*|wetter|"
    r"nachrichten|"
    r"fühlst du|deine meinung|aujourd['’]hui|demain|météo|actualités|ton avis|ressens|hoy|mañana|"
    r"noticias|tu opinión|"
    r"sientes|qué tiempo)|(?:\A|[.!?,]\s+)(?:are|were|have|did|do|bist|hast|es-|as-) ?(?:you|du|tu)\b"
)


@stage("refusal", order=82)
@dataclass(frozen=True)
class Refusal:
    """Tag answers that refuse, and those that say "as an AI language model", by their first 200 characters.

    refused: any refusal. refused_benign: one to a prompt that asks for nothing harmful and nothing a text model
    cannot reach (the present, the web, files, feelings); `verdict` and so `refusal: drop` is about these alone,
    so that legitimate refusals stay. disclaimer: the verdict on "as an AI language model".
    """

    verdict: Verdict = limit(Verdict.KEEP)
    disclaimer: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, whether the answer refuses, refuses without need, or says what it is.

        Answers that do neither are left out.
        """
        asked = pl.when(previous("role") == Role.USER.value).then(previous("text"))
        suspects = (
            turns.select("row_id", "turn", "role", "text", asked=asked)
            .filter(has_role(ANSWERS))
            .with_columns(head=pl.col("text").str.head(HEAD_CHARS))
            .filter(pl.col("head").str.contains(_TRACE))
        )
        head = pl.col("head").str
        found = suspects.with_columns(
            refused=head.replace_all(FIGURE_OF_SPEECH, " ").str.contains(REFUSAL),
            disclaims=head.contains(DISCLAIMER),
        ).filter(pl.col("refused") | pl.col("disclaims"))
        prompt, refused = pl.col("asked").fill_null("").str, pl.col("refused")
        benign = ~prompt.contains(HARM) & ~prompt.contains(OUT_OF_REACH)
        plays = prompt.contains(ASKS_FOR_A_PART) & prompt.contains(NAMES_A_MODEL)
        return found.select(
            "row_id",
            "turn",
            refused=where(refused),
            refused_benign=where(refused & benign),
            disclaimer=where(pl.col("disclaims") & ~plays),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules over needless refusals, disclaimers, and refusals of any kind."""
        return (
            Rule("refused_benign", "refused_benign", high=0, verdict=self.verdict),
            Rule("disclaimer", "ai_disclaimer", high=0, verdict=self.disclaimer),
            Rule("refused", "refused", high=0, verdict=Verdict.KEEP),
        )
