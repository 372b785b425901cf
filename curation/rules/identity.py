"""An answer in which the assistant names itself as somebody else's model.

Every pattern needs the first person: text about OpenAI or its models, in the third person, is no claim. One
scan for the names finds the few suspects; only those are matched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import prose
from tilth.curation.rules.response import ANSWERS, ASKS_FOR_A_PART, NAMES_A_MODEL, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

MODELS = (
    *("ChatGPT", "Chat GPT", "GPT-3", "GPT-3.5", "GPT-4", "GPT-4o", "GPT-5", "GPT3", "GPT4", "InstructGPT"),
    *("PaLM", "LLaMA", "Meta AI", "Bing Chat", "Mixtral", "Le Chat", "DeepSeek-V3", "DeepSeek-R1", "Qwen"),
    *(
        "Qwen2",
        "Qwen2.5",
        "Qwen3",
        "Tongyi Qianwen",
        "通义千问",
        "ERNIE Bot",
        "文心一言",
        "ChatGLM",
        "智谱清言",
    ),
    *("Hunyuan", "InternLM", "Baichuan", "Command R", "Open Assistant", "OpenAssistant", "Phi-3", "Phi-4"),
    *("Nemotron", "YouChat", "Tülu", "OLMo", "GitHub Copilot", "Microsoft Copilot", "Google Bard"),
    *("Google Gemini", "Google Assistant", "Bing AI", "GPT", "LaMDA", "WizardLM", "StableLM", "OpenChat"),
    *("Nous Hermes", "SmolLM", "GLM", "讯飞星火", "百川", "混元", "盘古大模型"),
)
# Words before they are models: a person, an animal, a star sign. They count beside what only a model says.
ALSO_WORDS = (
    *("Claude", "Bard", "Gemini", "Gemma", "Llama", "Copilot", "Kimi", "Vicuna", "Alpaca", "Koala", "Dolly"),
    *("Falcon", "Yi", "Pi", "Jasper", "Grok", "豆包", "Bing", "Siri", "Alexa", "Cortana", "Zephyr", "Orca"),
    *("Guanaco", "Hermes", "Granite", "Jamba", "Starling", "Replika", "Tulu", "Ernie", "Doubao", "Poe"),
)
MAKERS = (
    *(
        "OpenAI",
        "Open AI",
        "Anthropic",
        "Google",
        "Google AI",
        "Google DeepMind",
        "DeepMind",
        "Meta",
        "Facebook",
    ),
    *(
        "Microsoft",
        "Mistral AI",
        "Mistral",
        "DeepSeek",
        "深度求索",
        "Alibaba",
        "Alibaba Cloud",
        "阿里云",
        "阿里巴巴",
    ),
    *(
        "Baidu",
        "百度",
        "Tencent",
        "腾讯",
        "ByteDance",
        "字节跳动",
        "Moonshot AI",
        "月之暗面",
        "Zhipu AI",
        "智谱",
    ),
    *(
        "xAI",
        "Cohere",
        "AI21",
        "AI21 Labs",
        "Amazon",
        "NVIDIA",
        "Nvidia",
        "LMSYS",
        "Stability AI",
        "IBM",
        "MiniMax",
    ),
    *(
        "Hugging Face",
        "Databricks",
        "EleutherAI",
        "LAION",
        "谷歌",
        "Technology Innovation Institute",
        "01.AI",
    ),
    *("Allen Institute for AI", "Ai2", "Large Model Systems Organization", "Shanghai AI Laboratory"),
    *("Perplexity", "Perplexity AI", "Inflection AI", "Apple", "Samsung", "Huawei", "华为"),
)
# Names are replaced by a mark of their group before the patterns run, which keeps the patterns small.
MODEL, WORD, MAKER = "\ue000", "\ue001", "\ue002"
NAMES = {MODEL: MODELS, WORD: ALSO_WORDS, MAKER: MAKERS}
# What makes a model's name of a word, and may follow any.
VERSION = (
    r"(?:[ -]?v?[0-9](?:\.[0-9])?(?-u:\b)|[ -][0-9]{1,3}[bB](?-u:\b)|[ -](?:Instruct|Chat|Turbo|Pro|Ultra|Flash|"
    r"Opus|Sonnet|Haiku|Nano|Large|Medium|Small|Mini|Coder|Max|Plus)(?-u:\b))"
)
VERSIONED = (*ALSO_WORDS, "Mistral", "DeepSeek")

_I_AM = r"\bI(?:['’]m| am)\s+(?:(?:actually|called|named|just|in fact|known as|only|really|simply)\s+)?"
_KIND = (
    r"(?:(?:an?|the|your|just|only|large|small|new|advanced|powerful|conversational|virtual|digital|computer|"
    r"machine|learning|artificial|intelligence|AI|A\.I\.|language|text-based|chat|helpful|open-source|open|"
    r"generative|multilingual|neural|network|software|deep|automated|transformer|transformer-based|friendly|"
    r"personal|smart|intelligent|pre-trained|pretrained|state-of-the-art|cutting-edge|multimodal|kind|type|"
    r"of|based|sophisticated|highly)[\s,]+){0,8}"
    r"(?:model|assistant|AI|A\.I\.|chatbot|bot|program|system|intelligence|LLM|network|agent|tool)"
)
_MADE = r"(?:trained|made|developed|created|built|designed|programmed|engineered|invented|provided|owned)"
_TEAM = (
    r"(?:(?:the |a )?(?:team|company|researchers|engineers|people|folks|scientists)[\s,]+(?:at |of |"
    r"called )?)?"
)
QUOTED = r"\"[^\"\n]{1,500}\"|“[^”\n]{1,500}”|„[^“”\n]{1,500}[“”]|«[^»\n]{1,500}»|「[^」\n]{1,500}」"
FIRST_PERSON = (
    r"I['’ ]|[Mm]y |(?-u:\b)me(?-u:\b)|[Aa]s |[Yy]ou can call|[Ii]ch |[Mm]ein |[Jj]e |[Jj]['’]ai|"
    r"[Mm]on nom|[Ee]n tant|[Ss]oy |"
    r"[Mm]e llamo|[Mm]i |[Ss]ono |[Ee]u sou|[Ss]ou |[Ff]ui |[Hh]e sido|[Cc]omo |我|私|[Яя]|[Мм]еня"
    r"|[Yy]ou(?:['’]re| are) |Assistant is | here(?-u:\b)|[Ss]prechen |[Ss]prichst |[Vv]ous |作为"
)
SPEAKS_AS_MODEL = (
    rf"{MAKER}|"
    r"(?i)\b(?:AI|A\.I\.|language model|LLM|chatbot|assistant|artificial intelligence|Sprachmodell|KI|"
    r"Assistent|"
    r"modèle de langage|assistant virtuel|IA|modelo de lenguaje|asistente|modelo de linguagem|"
    r"assistente)\b|人工智能|"
    r"语言模型|語言模型|助手|アシスタント|языковая модель"
)


_GAP = r"[^.!?\n]{0,80}?"
_BY = rf"{_MADE}(?:,? (?:and|or) \w+)?\s+(?:by|at)\s+{_TEAM}{MAKER}"
# A question about the assistant, and an answer that is a name.
WHO_ARE_YOU = (
    r"(?i)(?-u:\b)(?:your (?:real |full )?name|who (?:are|r) you|who (?:made|created|trained|built|developed|designed|"
    r"owns|programmed) you|(?:which|what) (?:\w+ ){0,3}(?:model|ai|llm|chatbot|assistant) (?:are you|am i|is this)|"
    r"what are you|are you (?:chatgpt|claude|gpt|bard|gemini|llama))(?-u:\b)|"
    r"你是谁|你叫什么|谁(?:开发|训练|创造)(?:了)?你"
)
BARE_NAME = (
    rf"\A\W*(?:(?:It is|It['’]s|This is|That is|Yes, (?:I am|it is)|By|From)\s+)?(?:an? |the )?"
    rf"(?:[{MODEL}{WORD}]|{_TEAM}{MAKER})(?:\W*\z|[,.!]?\s+(?:an? |the |by |from |did|made|at )[^\n]{{0,80}}\z)"
)
_ENGLISH = (
    rf"{_I_AM}(?:an? |the )?(?:{_KIND}[\s,]+(?:called |named |known as )?)?{MODEL}"
    rf"|\b(?:[Mm]y name is|[Yy]ou (?:can|may) call me|[Jj]ust call me|I go by(?: the name(?: of)?)?|"
    rf"[Tt]he name is) {MODEL}"
    rf"|\b[Aa]s {MODEL},? (?:[^.!?\n]{{1,80}}?,? )?(?:I|my)\b"
    rf"|\b[Aa]s {WORD}, (?:an? )?(?:{_KIND}\b{_GAP})?{_BY},? {_GAP}\b(?:I|my)\b"
    rf"|\b[Yy]ou(?:['’]re| are) (?:now |currently |actually )?(?:talking|speaking|chatting|interacting|conversing) "
    rf"(?:to|with) (?:an? |the )?(?:{_KIND}[\s,]+(?:called |named |known as )?)?(?:{MODEL}|"
    rf"{WORD}, (?:an? )?{_KIND}|{WORD}{_GAP}\b{_BY}|{_KIND}{_GAP}\b{_BY})"
    rf"|{_I_AM}(?:\w+[ -]){{0,2}}\w+, (?:an? |the )?{_KIND}\b[^.!?,\n]{{0,20}},? ?{_BY}"
    rf"|(?-u:\b)Assistant is (?:an? |the )?{_KIND}\b{_GAP}\b{_BY}"
    rf"|(?:\A\W*(?:Hi|Hello|Hey)?\W*|\n|[.!?] ){MODEL} here(?-u:\b)|\bI(?:['’]m| am) (?:a product of|run by|"
    rf"operated by|owned by|a creation of) {_TEAM}{MAKER}"
    rf"|\bI (?:can['’]t|cannot|can not|am not|must|have to|will not|won['’]t)\b[^.!?\n]{{0,120}}\b(?:against|violates?|"
    rf"comply with|follow|per|under|within|due to) {MAKER}(?:['’]s)? (?:\w+[ -]){{0,3}}(?:policy|policies|guidelines)"
    rf"|\bI (?:was|am|have been|['’]ve been)\s+(?:\w+ly )?(?:also )?{_BY}|\bI['’]m (?:\w+ly )?{_BY}"
    rf"|{_I_AM}{_KIND}\b{_GAP}\b{_BY}|{_I_AM}{_KIND},? (?:from|by|of) {MAKER}"
    rf"|\b[Aa]s {_KIND}\b{_GAP}\b{_BY},? {_GAP}\b(?:I|my)\b"
    rf"|\b[Aa]s an? {MAKER} (?:language )?(?:model|AI|assistant)[\s,]+{_GAP}\bI\b"
    rf"|{_I_AM}(?:an? |the )?{MAKER}(?:['’]s)?\s+{_KIND}\b"
    rf"|{_I_AM}(?:based on|powered by|running on|built on|an instance of|"
    rf"a version of)\s+(?:the )?(?:{MAKER}['’]s )?{MODEL}"
    rf"|\b[Mm]y (?:creators?|developers?|makers?)(?: at|,| is| are)\s+{_TEAM}{MAKER}"
    rf"|{MAKER},? (?:(?:who|which|the company that|the organization that) )?(?:has |have )?{_MADE} me\b"
)
_GERMAN = (
    rf"\b[Ii]ch (?:bin|heiße) (?:ein )?{MODEL}|\b[Mm]ein Name ist {MODEL}"
    rf"|\b[Ii]ch (?:bin|wurde) {_GAP}von (?:der Firma |dem Unternehmen )?{MAKER}\s+"
    r"(?:trainiert|entwickelt|erstellt|geschaffen|gebaut|programmiert|erschaffen)"
    rf"|\b[Aa]ls {_GAP}von {MAKER} (?:trainiert|entwickelt|erstellt)\pL*{_GAP}\bich\b"
    rf"|\b[Aa]ls {MODEL}(?:,[^.!?\n]{{1,80}},)? (?:\pL+ )?ich\b|\b[Ss]pr(?:echen Sie|ichst du|echen|ichst) "
    rf"(?:gerade )?mit {MODEL}"
)
_FRENCH = (
    rf"\b[Jj]e (?:suis|m['’]appelle) (?:un )?{MODEL}|\b[Mm]on nom est {MODEL}"
    rf"|\b[Jj]['’]ai été {_GAP}par (?:l['’]entreprise |la société )?{MAKER}"
    rf"|\b(?:[Jj]e suis une? |[Ee]n tant qu){_GAP}(?:créé|développé|entra[iî]né|formé|conçu)e? par {MAKER}"
    rf"|\b[Ee]n tant que {MODEL}|\b[Vv]ous (?:parlez|discutez) (?:à|avec) {MODEL}"
)
_ROMANCE = (
    rf"\b(?:[Ss]oy|[Mm]e llamo|[Mm]i nombre es|[Ss]ono|[Mm]i chiamo|[Ee]u sou o|[Ss]ou o)\s+{MODEL}"
    rf"|\b(?:[Ff]ui|[Hh]e sido|[Ss]ono stat[oa])\s+\w+\s+(?:por|da|pela)\s+(?:la empresa )?{MAKER}"
    rf"|\b(?:[Ss]oy una?|[Ss]ono une?|[Ss]ono un['’]|[Ss]ou uma?)\s*{_GAP}\w+[dt][oa]\s+(?:por|da|"
    rf"pela)\s+{MAKER}"
    rf"|\b[Cc]omo {_GAP}(?:cread|desarrollad|entrenad)[oa] por {MAKER}"
)
_OTHERS = (
    rf"我(?:是|叫|的名字是|的名字叫|名叫)\s*{MODEL}|我(?:是|由|被)[^。！？，,\n]{{0,12}}{MAKER}"
    r"[^。！？，,\n]{0,6}(?:开发|训练|创建|研发|推出|制作|打造|创造|開發|訓練|設計|设计|的)"
    rf"|我是[^。！？\n]{{0,40}}[，,]\s*(?:是)?(?:由|被|来自|來自)\s*{MAKER}|我(?:来自|來自)\s*{MAKER}"
    rf"|我的(?:开发者|创造者|训练者|开发公司|開發者|创建者)(?:是|为)\s*{MAKER}|作为\s*{MODEL}[^。！？\n]{{0,30}}我"
    rf"|作为[^。！？，,\n]{{0,8}}{MAKER}[^。！？，,\n]{{0,6}}(?:开发|训练|创建|研发|推出|打造|開發|訓練)[^。！？\n]{{0,30}}我"
    rf"|(?:你|您)正在(?:与|和|跟)\s*{MODEL}"
    rf"|{MAKER}(?:公司|团队)?(?:开发|训练|创建|研发|創造|创造)了我"
    rf"|私は\s*{MODEL}|私は[^。\n]{{0,12}}{MAKER}[^。\n]{{0,8}}(?:開発|訓練|作成|作ら|トレーニング)"
    rf"|(?:\A|[^\pL])[Яя] (?:— |- |– )?{MODEL}|(?:\A|[^\pL])[Мм]еня (?:создал|разработал|обучил)\pL* {_GAP}{MAKER}"
)
# A word's edge by Unicode takes the matcher off its fast path where a text has any letter beyond ASCII.
CLAIM = "|".join((_ENGLISH, _GERMAN, _FRENCH, _ROMANCE, _OTHERS)).replace(r"\b", r"(?-u:\b)")
# "I am Claude Monet", "I'm a Gemini": the mark must stand alone, and the text must speak as a model elsewhere.
WEAK_CLAIM = (
    rf"(?:{_I_AM}|\b[Mm]y name is |\b[Yy]ou can call me |\b[Ii]ch bin |\b[Mm]ein Name ist |\b[Jj]e suis |"
    rf"\b[Jj]e m['’]appelle |\b[Ss]oy |\b[Mm]e llamo |\b[Ss]ono |我是|我叫)[{WORD}{MAKER}](?:[^\pL\s-]|"
    rf"\s+[^\pL]|\s*\z"
    r"|\s(?:and|from|by|the|a|an|von|und|der|ein|eine|de|par|et|un|une|d['’]|y|por|di|e)\b)"
)


@stage("identity", order=80)
@dataclass(frozen=True)
class Identity:
    """Tag answers that name another model or provider as their own: "I am ChatGPT", "trained by OpenAI".

    own: names of models and makers that the assistant may give as its own. An answer that plays a part the
    prompt asks for, and what stands in quotes or code, is passed over.
    """

    verdict: Verdict = limit(Verdict.KEEP)
    own: tuple[str, ...] = ()

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and whether the assistant claims to be, or to come from, one of the names.

        Answers without any of the names, or without the first person, are left out.
        """
        text = pl.col("text")
        names = {mark: _any(self._not_own(group)) for mark, group in NAMES.items()}
        spoken = turns.select("row_id", "turn", "role", "text", asked=previous("text"))
        named = spoken.filter(has_role(ANSWERS)).filter(text.str.contains("|".join(names.values())))
        about_it = pl.col("asked").str.contains(WHO_ARE_YOU).fill_null(False)
        named = named.filter(text.str.contains(FIRST_PERSON) | about_it)
        said = prose(text).str.replace_all(QUOTED, " ")
        said = said.str.replace_all(f"(?:{names[MODEL]}){VERSION}*", MODEL)
        said = said.str.replace_all(f"(?:{_any(self._not_own(VERSIONED))}){VERSION}+", MODEL)
        for mark, name in names.items():
            said = said if mark == MODEL else said.str.replace_all(name, mark)
        named = named.select("row_id", "turn", about_it=about_it, said=said)
        said = pl.col("said")
        claims = (
            said.str.contains(CLAIM)
            | (said.str.contains(WEAK_CLAIM) & said.str.contains(SPEAKS_AS_MODEL))
            | (pl.col("about_it") & said.str.contains(BARE_NAME))
        )
        suspects = named.select("row_id", "turn", other=where(claims))
        claiming = suspects.filter(pl.col("other") > 0)["row_id"].unique()
        asked = has_role((Role.USER, Role.SYSTEM, Role.DEVELOPER))
        playing = turns.filter(pl.col("row_id").is_in(claiming.implode()) & asked).filter(
            text.str.contains(ASKS_FOR_A_PART) & text.str.contains(NAMES_A_MODEL)
        )["row_id"]
        plays = pl.col("row_id").is_in(playing.implode())
        return suspects.with_columns(other=pl.when(plays).then(0.0).otherwise("other"))

    def _not_own(self, names: tuple[str, ...]) -> tuple[str, ...]:
        own = {name.lower() for name in self.own}
        return tuple(name for name in names if name.lower() not in own)

    def rules(self) -> tuple[Rule, ...]:
        """Return the rule over claims."""
        return (Rule("other", "names_another_model", high=0, verdict=self.verdict),)


def _any(names: tuple[str, ...]) -> str:
    """Return a pattern for any of the names as whole words, the longest first."""
    longest = sorted(names, key=lambda name: (-len(name), name))
    words = "|".join(re.escape(name) for name in longest if name.isascii())
    others = [re.escape(name) for name in longest if not name.isascii()]
    # Han letters stand beside Latin ones without a blank, so only ASCII counts for the edge of a word.
    return "|".join([rf"(?-u:\b)(?:{words})(?-u:\b)", *others]) if words else "|".join(others) or r"[^\s\S]"
