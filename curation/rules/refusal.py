"""Answers that refuse, or that open with what a language model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.asked import CHANGES, WANTS_TALK
from tilth.curation.rules.response import ANSWERS, ASKS_FOR_A_PART, NAMES_A_MODEL, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

HEAD_CHARS = 200
_TRACE = (
    r"orry|pologi|nable|annot|an['’]t |an not|not able|on['’]t |ill not|not comfortable|decline|"
    r"anguage model|mod[eè]l[eo] "
    r"| AI\b| LLM|A\.I\.|chatbot|omputer program|rtificial|ssistant| nicht |ésolé|peux pas|peux malh|"
    r"pas en mesure|amento"
    r"| puedo|iento|isculp|\bIA\b|\bKI|prachmodell|作为|抱歉|对不起|無法|无法|申し訳|できません|不能|звин|"
    r" не мог|posso"
    r"|t(?: is|['’]s) not |t isn['’]t |ould not be|ould be (?:in|un|il)|gainst my|rather not|refer not|"
    r"efuse|yond my|side my|side (?:of )?(?:my|the scope)|o way (?:to|of|for me)|"
    r"lack the|ersonal |hysical |ike (?:me|myself)|omething I|"
    r"not in a position|not going to|machine|rogrammed|iolates|o comment"
)
_SERVICE = (
    r"(?:help|assist|provide|offer|answer|fulfill?|comply|complete|create|generate|write|produce|give|"
    r"share|support|"
    r"discuss|engage|participate|do that|do this|continue|respond|process (?:this|that|your) request|perform|"
    r"accommodate|recommend|suggest|translate|summarize|access|browse|open|view|see (?:the|any|your)|display|"
    r"play|draw|predict|have (?:personal|feelings|opinions)|express|advise|tell you|satisfy|grant|"
    r"carry out|work on|solve|address|handle|be of (?:help|assistance)|endorse|condone|encourage|"
    r"promote|compare|describe|explain|analy[sz]e|evaluate|review|judge|rate|edit|list|guide|teach|instruct|"
    r"facilitate|speculate|comment|take part|role-?play|pretend|impersonate|search|look up|verify|process|"
    r"make (?:an?|any|this|that|such|the|jokes?|judge?ments?|predictions?|recommendations?|personal))"
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
    rf"|\bit(?: is|['’]s|['’]d be| would be|['’]d| would)(?:(?: not|n['’]t)(?: be)?(?: (?:really|very))? "
    rf"(?:ethical|appropriate|legal|right|proper|safe|responsible|acceptable|possible|advisable|fair)|"
    rf" (?:un|in|ir|il)(?:ethical|appropriate|legal|proper|safe|responsible|acceptable|possible|advisable|"
    rf"fair))"
    rf" (?:for (?:me|us|an ai|a language model)(?:,[^,.\n]{{1,40}},)? to\b|to (?:provide|assist|help|write|"
    rf"create|"
    rf"share|generate|discuss|make|give|compare|answer|engage)\b[^.!?\n]{{0,80}}\b(?:you|this|that|such|jokes?|"
    rf"content|information|instructions|advice)\b)"
    r"|\b(?:that|this|it)(?:['’]s| is)(?: not|n['’]t) something (?:that )?i(?:['’]m| am)? (?:can|could|"
    r"will|would|"
    r"able|willing|comfortable|allowed|permitted)\b"
    r"|\b(?:goes|is|would be|would go|runs) against my (?:programming|guidelines|(?:ethical |moral |core )?"
    r"(?:principles|values|code|guidelines|policy|policies|ethics))"
    r"|\b(?:beyond|outside)(?: of)? (?:the scope of )?my (?:capabilit|abilit|scope|expertise|programming|"
    r"knowledge|"
    r"capacit|training)"
    r"|\bi(?:['’]d| would) (?:rather|prefer) not(?: to)? (?:\w+ly )?(?:answer|say|discuss|comment|do|help|"
    r"write|"
    r"provide|share|talk|give|take)\b|\bi prefer not to (?:answer|say|discuss|comment|help|write|provide|"
    r"share)\b"
    rf"|\bi(?:['’]m| am)(?: just| simply)? not (?:going to|in a position to|qualified to) {_SERVICE}\b"
    r"|\bi (?:lack the (?:ability|capability|capacity|means)|have no (?:way (?:to|of)|ability to|"
    r"means (?:to|of)))\b"
    r"|\bthere(?:['’]s| is) no way for me to\b|\bi (?:refuse|decline) to\b"
    r"|\b(?:this|your|that) (?:request|prompt|question) (?:violates|goes against|cannot be|can['’]t be)\b"
    r"|\A\W*(?:i['’]m |i am )?(?:(?:so |very |really )?sorry|(?:my )?apologies|unfortunately)[,.]? (?:but )?"
    r"(?:no\b|not? able|unable to|i['’]m not|i am not|i do not|i don['’]t) (?:able|allowed|have (?:access|the "
    r"(?:ability|information|necessary)|enough|any information)|know how|comply|help|assist|process|"
    r"understand (?:the|"
    r"your) (?:request|question|instruction|input|prompt))"
    r"|\A\W*(?:unable|not able) to (?:comply|help|assist|answer|process|fulfil|provide|complete)"
    r"|(?:抱歉|对不起|對不起|很遗憾)[^。！？\n]{0,16}(?:无法|不能|無法|没办法|不可以|不便)|\A\W*我?(?:无法|"
    r"不能|無法)(?:帮助|协助|提供|"
    r"回答|满足|完成|写|生成|執行|执行)|作为[^。\n]{0,20}我(?:无法|不能|無法)(?:帮助|协助|提供|回答|满足|"
    r"完成|写|生成)"
    r"|申し訳(?:ありません|ございません)[^\n]{0,40}(?:できません|できかねます|お答え|お手伝い)"
    r"|(?:извините|простите|к сожалению)[^.!?\n]{0,40}\bне мог(?:у|ли)\b|\bя не могу (?:помочь|ответить|"
    r"предоставить|"
    r"выполнить|написать|создать|дать)"
    r"|\b(?:desculpe|lamento|sinto muito|infelizmente)[^.!?\n]{0,40}\bnão (?:posso|consigo)\b|"
    r"\bnão posso (?:ajudar|"
    r"fornecer|responder|atender|cumprir|escrever|criar)"
    r"|\b(?:mi dispiace|purtroppo|spiacente)[^.!?\n]{0,40}\bnon (?:posso|sono in grado)\b|"
    r"\bnon posso (?:aiutar|"
    r"fornir|rispond|soddisfare|scrivere|creare)"
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
    r"(?:(?:large|artificial intelligence|ai|a\.i\.|advanced|virtual|text-based|digital|machine|"
    r"machine-learning|"
    r"computer|computer-based|mere|simple|humble|conversational|trained|neural|generative|artificially|"
    r"intelligent|"
    r"language|ai-based|ai-powered|non-human|artificial) )*"
    r"(?:language model|language-model|language ai|a\.?i\.?(?:-\w+)?|artificial (?:intelligence|entity|being)|"
    r"chat-?bot|"
    r"(?:virtual|digital|ai) assistant|llm|machine learning (?:model|system|algorithm)|machine|neural network|"
    r"computer (?:program|system|algorithm)|software program|bot)"
    r"(?: (?:language |chat ?)?(?:models?|assistant|system|program|ai|bot|chatbot|entity|tool|"
    r"agent))*(?: \(\w+\))?"
)
DISCLAIMER = (
    rf"(?i)\b(?:as|being) (?:just |merely |only |simply )?an? {_A_MODEL}(?:,[^.!?\n]{{0,80}}?|(?: (?:developed|"
    rf"created|trained|made|built|designed|programmed|that|who|which|with|without|like)[^.!?\n]{{0,60}}?)?)"
    rf"\s(?:i|my|it['’]s|it is)\b"
    rf"|\b(?:because|since|given that|as|while|although|though) i(?:['’]m| am) (?:just |only |merely |"
    rf"simply )?an? "
    rf"{_A_MODEL}\b"
    rf"|\bi,? (?:as|being) an? {_A_MODEL},"
    rf"|\bi(?:['’]m| am)(?: just| only| merely| simply)? (?:made of|lines of) code\b"
    r"|\b(?:an ai|ais|ai (?:language )?models?|language models?|chatbots?|ai assistants?) (?:such as|"
    r"like) (?:me|"
    r"myself)\b"
    r"|\bi (?:do not|don['’]t|cannot|can['’]t) (?:have|feel|possess|experience|form|hold|share)"
    r" (?:any )?(?:(?:own |real )?personal (?:opinions?|beliefs?|preferences?|emotions?|feelings|views?)|"
    r"human (?:emotions?|feelings)|a physical (?:body|form|presence))\b"
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

# A prompt that wants words of somebody: a text put otherwise, a sentence, a reply in a part.
WANTS_WORDS = (
    rf"{CHANGES}|{WANTS_TALK}|(?i)correct|edit|proofread|sentence|phrase|reply|respon[ds]|apolog|declin|"
    rf"refus|reject|excuse|"
    r"complete|continue|finish|rewrite|say(?-u:\b)|another way|classif|label|"
    r"sentiment|intent"
)
# The task itself is refused: "help you with that", "that request", "write that letter".
REFUSES_THE_TASK = (
    r"(?i)(?:can['’]t|cannot|can not|won['’]t|will not|unable to|not able to)[^.!?\n]{0,30}(?:help|assist|"
    r"fulfil|comply|answer|"
    r"complete|process|do (?:that|this)|(?:provide|write|create|generate|translate|summari[sz]e|rewrite|"
    r"paraphrase|edit)[^.!?\n]{0,20}"
    r"(?-u:\b)(?:that|this|such|your)(?-u:\b))[^.!?\n]{0,40}(?:(?-u:\b)(?:you|this|that|such|"
    r"your request)(?-u:\b))|"
    r"as an? (?:ai|artificial|language|large)"
)
# A system turn that bounds what the assistant may speak about.
NARROWS = (
    r"(?i)(?-u:\b)(?:only|solely|exclusively|refuse|decline|do not|don['’]t|never|must not|nur|ausschließlich|"
    r"seulement|solo|só)(?-u:\b)|只"
)


@stage("refusal", order=82)
@dataclass(frozen=True)
class Refusal:
    """Tag answers that refuse, and those that say "as an AI language model", by their first 200 characters.

    refused: any refusal. refused_benign: one to a prompt that asks for nothing harmful and nothing a text model
    cannot reach (the present, the web, files, feelings), in a first answer: what comes later in a dialogue may be
    about anything said before it. Where the prompt wants a text put otherwise, only an answer that refuses the task
    itself counts. `verdict` and so `refusal: drop` is about these alone, so that legitimate refusals stay.
    disclaimer: the verdict on "as an AI language model".
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
        earlier = previous("role", 2)
        first = earlier.is_null() | earlier.is_in([Role.SYSTEM.value, Role.DEVELOPER.value])
        instructed = pl.when(earlier.is_not_null()).then(previous("text", 2)).fill_null("")
        suspects = (
            turns.select("row_id", "turn", "role", "text", asked=asked, first=first, instructed=instructed)
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
        benign = ~prompt.contains(HARM) & ~prompt.contains(OUT_OF_REACH) & pl.col("first")
        benign &= ~pl.col("instructed").str.contains(NARROWS)
        benign &= ~prompt.contains(WANTS_WORDS) | head.contains(REFUSES_THE_TASK)
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
