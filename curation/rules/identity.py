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
from tilth.curation.response import ANSWERS, ASKS_FOR_A_PART, NAMES_A_MODEL, has_role, where
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
    *("Google Gemini", "Google Assistant", "Bing AI"),
)
# Words before they are models: a person, an animal, a star sign. They count beside what only a model says.
ALSO_WORDS = (
    *("Claude", "Bard", "Gemini", "Gemma", "Llama", "Copilot", "Kimi", "Vicuna", "Alpaca", "Koala", "Dolly"),
    *("Falcon", "Yi", "Pi", "Jasper", "Grok", "豆包", "Bing", "Siri", "Alexa", "Cortana"),
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
_ENGLISH = (
    rf"{_I_AM}(?:an? |the )?(?:{_KIND}[\s,]+(?:called |named |known as )?)?{MODEL}"
    rf"|\b[Mm]y name is {MODEL}|\b[Yy]ou can call me {MODEL}|\b[Aa]s {MODEL}, (?:I|my)\b"
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
)
_FRENCH = (
    rf"\b[Jj]e (?:suis|m['’]appelle) (?:un )?{MODEL}|\b[Mm]on nom est {MODEL}"
    rf"|\b[Jj]['’]ai été {_GAP}par (?:l['’]entreprise |la société )?{MAKER}"
    rf"|\b(?:[Jj]e suis une? |[Ee]n tant qu){_GAP}(?:créé|développé|entra[iî]né|formé|conçu)e? par {MAKER}"
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
    rf"|私は\s*{MODEL}|私は[^。\n]{{0,12}}{MAKER}[^。\n]{{0,8}}(?:開発|訓練|作成|作ら|トレーニング)"
    rf"|\b[Яя] (?:— |- |– )?{MODEL}|\b[Мм]еня (?:создал|разработал|обучил)\pL* {_GAP}{MAKER}"
)
CLAIM = "|".join((_ENGLISH, _GERMAN, _FRENCH, _ROMANCE, _OTHERS))
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
        named = turns.filter(has_role(ANSWERS)).filter(text.str.contains("|".join(names.values())))
        named = named.filter(text.str.contains(FIRST_PERSON))
        said = prose(text).str.replace_all(QUOTED, " ")
        for mark, name in names.items():
            said = said.str.replace_all(name, mark)
        named = named.select("row_id", "turn", said=said)
        said = pl.col("said")
        claims = said.str.contains(CLAIM) | (
            said.str.contains(WEAK_CLAIM) & said.str.contains(SPEAKS_AS_MODEL)
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
