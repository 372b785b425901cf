"""What a prompt asks for, in a dozen languages: that makes the difference between a fault and what was wanted.

Patterns are of word beginnings and need no word edge behind them; they are matched in linear time.
"""

from __future__ import annotations

# A change that leaves no text as it was: a response that gives the input back has not done the task.
CHANGES = (
    r"(?i)(?-u:\b)(?:translat|paraphras|rephras|reword|rewrit|re-writ|summari[sz]|condens|elaborat|explain|"
    r"describ|"
    r"negat|expand|continue (?:the|this)|answer (?:the|this)|transform|turn (?:the|this|it|these)|"
    r"(?:change|convert|put|make|rewrite)(?-u:\b)[^.\n]{0,60}(?-u:\b)(?:in|into|to|a) (?:the |"
    r"an? )?(?:past|present|future|"
    r"passive|active|question|plural|singular|negative|opposite|formal|informal|metaphor|french|spanish|"
    r"german|italian)|"
    r"umschreib|umformulier|zusammen|erklär|übersetz|tradui|tradu[czs]|reformul|résum|resum|riassum|"
    r"expli[cq]|spieg|"
    r"parafras|vertaal|herschrijf|samenvat|översätt|omformuler|sammanfatt|oversæt|oversett|przetłumacz|"
    r"przepisz|stre[śs][ćc]|"
    r"wyjaśn|sparafraz|çevir|özetle|açıkla)"
    r"|перевед|перефраз|перепиши|объясн|сократи|翻译|翻譯|改写|改寫|总结|總結|解释|解釋|概括|翻訳|書き換え|"
    r"言い換え|要約|説明"
    r"|번역|바꿔 ?(?:써|쓰)|요약|설명|ترجم|لخص|اشرح|अनुवाद|सारांश"
)
# What leaves an input as it is where nothing is wrong with it, or wants it back, or a part of it that may be all.
RETURNS_INPUT = (
    r"(?i)correct|grammar|spell|proofread|punctuat|edit|fix|improve|repeat|copy|echo|check|revise|"
    r"necessary|needed|"
    r"format|extract|quote|print|output|return|remove|delete|replace|redact|sort|same|unchanged|say|read|type|"
    r"verbatim|word for word|as (?:it )?is(?-u:\b)|normali[sz]|anonymi[sz]|clean|standard|rank|order|"
    r"arrang|select|"
    r"choose|pick|match|which|transcri|identif|find|list|name|determin|categor|classif|tag(?-u:\b)|mark|"
    r"highlight|"
    r"underline|whether|already|if (?:any|it|there|the)|where |appropriate|proper|case|capital|polite|"
    r"neutral|active"
    r"|korrig|korrekt|rechtschreib|wiederhol|welche|ordne|sortier|wähle|prüfe|bereinig|corrig|corrett|"
    r"correg|correç|"
    r"répèt|répét|repit|repet|ripet|orthograph|ortograf|quel|cuál|qual|ordon|ordena|ordina|class|choisi|"
    r"elige|escolh|scegli|"
    r"herhaal|welk|verbeter|upprepa|vilken|rätta|powtórz|popraw|któr|исправ|повтори|провер|какой|какая|"
    r"какое|выбери|упорядоч"
    r"|纠正|糾正|修正|改正|重复|重複|哪|排序|选择|選|检查|檢查|訂正|校正|繰り返|どれ|どの|並べ|校閲|고쳐|"
    r"교정|반복|어느|어떤|고르"
)
# A question about a text: the whole of a long one is no answer to it.
ASKS_ABOUT = (
    r"(?i)\A\W*(?:what|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can you (?:name|tell)|"
    r"tell me|give me|"
    r"name|list|wer|wann|wo|warum|wie|was|nenne|qui|quand|où|pourquoi|comment|que|qué|quién|cuándo|dónde|"
    r"por qué|cómo|cuánt|chi|"
    r"quando|dove|perché|come|cosa|quem|onde|como|wat|hoe|waar|wanneer|vad|hur|när|co|kto|gdzie|kiedy|"
    r"jak)(?-u:\b)"
    r"|\A\W*(?:кто|что|где|когда|почему|как|сколько|什么|谁|哪里|何时|为什么|怎么|多少|誰|いつ|どこ|なぜ|"
    r"何|무엇|누가|언제|어디)"
)
LONG_INPUT_BYTES = 200
WANTS_ALL_OF_IT = (
    r"(?i)correct|fix|spell|grammar|proofread|wrong|error|mistake|improv|repeat|copy|format|clean|order|"
    r"sort|rank|"
    r"unchanged|say(?-u:\b)|said(?-u:\b)|read(?-u:\b)"
)
# A turn that has what comes after it said again, put right or put into another language, if only where need be.
WANTS_REPEATS = (
    r"(?i)repeat|echo|parrot|copy|verbatim|word for word|say (?:it |that )?back|mirror|correct|proofread|"
    r"grammar|spell|translat|"
    r"normali[sz]|clean|anonymi[sz]|redact|rewrit|format|transcri|wiederhol|korrig|übersetz|répèt|répét|"
    r"corrig|tradui|tradu[czs]|repit|"
    r"repet|ripet|correg|herhaal|vertaal|verbeter|upprepa|översätt|powtórz|popraw|przetłum|повтор|исправ|"
    r"перевед|重复|重複|纠正|糾正|翻译|翻譯|"
    r"繰り返|校正|翻訳|반복|고쳐|교정|번역"
)
# A prompt about markup, prompts or models: the tokens of a template may be what it wants.
ABOUT_MARKUP = (
    r"(?i)mark ?up|markdown|chat ?ml|template|token|prompts?(?-u:\b)|fine-?tun|alpaca|llama|mistral|gemma|"
    r"gpt-?\d|"
    r"(?-u:\b)llms?(?-u:\b)|language model|delimiter|(?-u:\b)tags?(?-u:\b)|format[a-z]*\W+(?:\pL+\W+){0,4}?"
    r"(?:instruc|chat|turn|dialog|conversation|message|nachricht|anweisung)|vorlage|balis|modèle de|"
    r"gabarit|plantilla|marcado|"
    r"marcação|modelo de|sjabloon|opmaak|mall(?-u:\b)|szablon|znacznik|şablon|шаблон|разметк|токен|模板|"
    r"标记|標記|令牌|提示词|提示詞|"
    r"テンプレート|マークアップ|トークン|템플릿|마크업|토큰|قالب|टेम्पलेट|<\||\[/?INST|_of_turn>|</?s>|###"
)
# A prompt about the form of a document: headings such as a template has may be its parts.
ABOUT_FORM = (
    r"(?i)format|outline|heading|(?-u:\b)sections?(?-u:\b)|skeleton|layout|syntax|structure|"
    r"(?-u:\b)forms?(?-u:\b)|report|instructi|"
    r"gliederung|überschrift|bericht|titre|(?-u:\b)plan d|esquema|encabezado|informe|scaletta|intestazion|"
    r"esboço|relatório|rubrik|"
    r"disposition|kop(?:pen|jes)|nagłówk|konspekt|biçim|başlık|формат|заголов|план |отч[её]т|格式|大纲|"
    r"大綱|标题|標題|报告|報告|形式|"
    r"書式|見出し|アウトライン|형식|제목|개요|보고서|تنسيق|प्रारूप"
)
# A prompt that may want people, or people and machines, to talk in the answer.
WANTS_TALK = (
    r"(?i)dialog|conversation|convo(?-u:\b)|chat|talk|discuss|interview|transcript|script|role-?play|scene|"
    r"(?-u:\b)plays?(?-u:\b)|"
    r"skit|debate|exchange|negotiat|phone call|customer|assistant|user(?-u:\b)|human|(?-u:\b)bots?(?-u:\b)|"
    r"(?-u:\b)ai(?-u:\b)|"
    r"gespräch|unterhaltung|rollenspiel|drehbuch|szene|entretien|scène|jeu de rôle|discussion|conversaci|"
    r"entrevista|escena|guion|"
    r"conversa|roteiro|cena(?-u:\b)|conversazion|intervista|copione|gesprek|toneel|samtal|samtale|intervju|"
    r"rozmow|wywiad|scenariusz|"
    r"keskustelu|haastattelu|beszélget|interjú|párbeszéd|rozhovor|konuşma|söyleşi|röportaj|diyalog|"
    r"percakapan|wawancara|hội thoại|phỏng vấn"
    r"|διάλογο|συνέντευξη|διαλογ|диалог|діалог|разговор|розмов|бесед|интервью|інтерв|сценарий|حوار|محادثة|"
    r"مقابلة|संवाद|बातचीत|साक्षात्कार"
    r"|对话|對話|聊天|采访|採訪|剧本|劇本|访谈|会話|対話|インタビュー|台本|脚本|대화|인터뷰|대본|บทสนทนา"
)
# A prompt that has no single answer: a pick, a guess, a taste, a joke, one of many.
HAS_MANY_ANSWERS = (
    r"(?i)random|(?-u:\b)(?:pick(?-u:\b)|guess|imagine|invent|make up|think of|suggest|recommend|"
    r"brainstorm|favou?rite|flip|toss|"
    r"roll(?-u:\b)|draw(?-u:\b)|joke|rhym|nickname|(?:an?|the) title|slogan|caption|synonym|antonym|"
    r"(?:a similar|a related|another|alternative)(?-u:\b)|in (?:one|a) word|"
    r"describe|complete the|fill in|(?:the|each) blank|finish the|continue the|(?:do|would|will|could|can|"
    r"did|have) you|"
    r"(?:give|tell|name|say|write|list|create|generate)(?: me| us)? (?:an?|one|any|some|another)(?-u:\b)|"
    r"(?:any|some) (?:of|word|name|number|example)|an? (?:[\w-]+ ){0,3}?(?:example|word|name|emoji|"
    r"adjective|verb|noun) "
    r"(?:for|of|that|to|with))|heads or tails"
    r"|zufäll|(?-u:\b)(?:wähle?(?-u:\b)|rate(?-u:\b) (?:eine|mal)|würfle|wirf|"
    r"nenne? (?:mir )?(?:irgend)?ein|gib mir (?:irgend)?ein|"
    r"sag mir (?:irgend)?ein|ein beispiel|erfind|lieblings|reimt|witz|schlag (?:mir )?ein)|kopf oder zahl|"
    r"hasard|aléatoire|(?-u:\b)(?:choisi[ts]|choisissez|devine|lance(?-u:\b)|lancez|(?:cite|donne|propose|"
    r"invente)[sz]?(?:-moi| moi)? une?(?-u:\b)|"
    r"préférée?|dis(?:-moi)? une?(?-u:\b))|pile ou face|azar|aleatori|(?-u:\b)(?:elige|escoge|adivina|"
    r"lanza|(?:di|dime|dame|nombra|propón) una?(?-u:\b)|"
    r"sugier|sinónim|favorit)|cara o cruz|(?-u:\b)(?:a caso|scegli|indovina|lancia|(?:dimmi|dammi|"
    r"proponi) una?(?-u:\b)|sinonim|preferit)|testa o croce|"
    r"(?-u:\b)(?:escolh|adivinh|jogue|(?:diga|dê|cite) uma?(?-u:\b)|sinônim)|cara ou coroa|willekeurig|"
    r"(?-u:\b)(?:kies(?-u:\b)|raad(?-u:\b)|gooi|"
    r"(?:noem|geef) een|synoniem)|kop of munt|slump|(?-u:\b)(?:välj|gissa|kasta|nämn en|ge mig en|säg en)|"
    r"krona eller|losow|(?-u:\b)(?:wybierz|zgadnij|"
    r"rzuć|podaj (?:jak|przyk|dowoln)|powiedz (?:jak|dowoln))|orzeł czy|rastgele|"
    r"(?-u:\b)(?:bir sayı (?:seç|söyle|tut)|tahmin)|eş anlam|yazı mı|"
    r"случайн|выбери|загадай|угадай|брось|(?:назови|скажи|приведи) (?:люб|как|один|одну|прим)|синоним|"
    r"ор[её]л или"
    r"|随机|隨機|随便|隨便|任意|任选|选一|選一|猜|硬币|硬幣|掷|擲|同义|同義|近义|近義|举.{0,2}例|"
    r"舉.{0,2}例|推荐|推薦|说一个|說一個|笑话|適当|ランダム|好き|選んで|"
    r"サイコロ|コイン|類語|例を|一つ挙げ|ひとつ挙げ|무작위|아무|골라|추측|동의어|유의어|동전|주사위|추천|"
    r"عشوائي|اختر|خمن|مرادف"
    r"|यादृच्छिक|कोई|चुन|पर्यायवाची"
)
# In a prompt of a few words: a greeting, or something of the one who is asked.
SMALL_TALK = (
    r"(?i)\A\W*(?:hi|hello|hey|greetings|good (?:morning|day|afternoon|evening|night)|thanks?|bye|hallo|"
    r"guten|servus|moin|danke|bonjour|"
    r"bonsoir|salut|merci|hola|buen[oa]s|gracias|ciao|buon|grazie|olá|oi|bom dia|boa|hoi|dag|hej|god|cześć|"
    r"dzień|merhaba|selam|xin chào|halo)(?-u:\b)|"
    r"привет|здравств|добр|你好|您好|谢谢|こんにち|おはよう|ありがとう|안녕|고마|مرحبا|السلام|नमस्ते"
    r"|(?-u:\b)(?:you|u|your|du|dir|dich|dein\w*|tu|te|toi|ton|vous|tú|ti|tienes|estás|eres|stai|sei|você|"
    r"jij|jou|dig|ty|ci|sen|sana|kamu|bạn)(?-u:\b)|"
    r"ты|тебе|тебя|你|您|あなた|너는|당신|أنت|तुम|आप|(?-u:\b)(?:best|worst|should|beste|meilleur|mejor|"
    r"miglior|melhor|bästa|najlep|en iyi)|лучш|最好|最も好"
)
SMALL_TALK_WORDS = 8
# A prompt that asks for a fact: who, where, when, how many, which; one with so many words has a text of its own
# that an answer must fit (a review to label, a problem).
ASKS_FOR_A_FACT = (
    r"(?i)(?-u:\b)(?:who|whose|whom|where|when|which|how (?:many|much|old|far|long|tall|deep|high|big|"
    r"fast)|(?:in|on|at|to|of|from) "
    r"(?:what|which)|what (?:is|was|are|were) (?:the|\d)|what (?:year|day|date|time|number|country|city|"
    r"percent|kind|type|does|did)|"
    r"is|are|was|were|does|did|has|classif|convert|calculate|compute|solve|how do you spell|capital|symbol|"
    r"true or false|yes or no|"
    r"wer|wo|wann|wie ?viele?|in welche[mnrs]|welche[mnrs]?|ist|hat|combien|quand|qui|où|quel(?:le)?s?|"
    r"cuánt[oa]s?|cuándo|quién|dónde|cuál|"
    r"quant[ieoa]|quando|chi|dove|quale?|quem|onde|quantos|hoeveel|wanneer|waar|welke?|hur många|när|vem|"
    r"vilken|ile|kiedy|kto|gdzie|"
    r"który|która|które|kaç|kim|nerede|hangi|ne zaman)(?-u:\b)|сколько|кто|где|когда|как(?:ой|ая|ое|ие)|"
    r"多少|几|幾|谁|誰|哪|何年|いつ|どこ|いくつ|何人|몇|누구|어디|언제|어느|كم|متى|أين|कितन|कब|कौन"
)
MIN_FACT_WORDS, MIN_CONTEXT_WORDS = 4, 12
