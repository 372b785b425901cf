"""An answer that speaks of the day on which somebody else's model stopped learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import ANSWERS, has_role, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

# Cheap and case-sensitive: what every talk of a cutoff has in it.
_TRACE = (
    r"[Cc]ut-?\s?off|[Mm]y (?:last|latest|most recent|current|training|knowledge|data|information) ?|trained "
    r"|ast update|recent update|nowledge (?:is|was|only)|(?:information|nowledge|data|events) (?:after|beyond|past) "
    r"|not aware of|not able to"
    r"|Wissens|Trainingsdaten|Kenntnisstand|letzte[nr]? (?:Aktualisierung|Update|Stand)|[Mm]ein (?:Stand|Wissen)"
    r"|mises? à jour|mes (?:connaissances|données|informations|dernières)|[Mm]on (?:entra[iî]nement|savoir)"
    r"|última (?:actualización|atualização)|mi (?:conocimiento|fecha|entrenamiento)|mis (?:conocimientos|datos)"
    r"|ultimo aggiornamento|mie conoscenze|meus? (?:conhecimento|treinamento|dados)|последне|[Мм]ои знания"
    r"|截至|知识|知識|训练数据|訓練資料|我的(?:数据|信息|資料)"
)
_FORMS = (
    r"\b(?:as of|since|until|up to|at the time of|before|after|beyond|based on) my (?:last |latest |most "
    r"recent |current )?(?:knowledge |training |data |information )*(?:update|cut-?\s?off|training|refresh)\b",
    r"\bmy (?:last |latest |most recent |current )?(?:knowledge|training|data|information|training data)"
    r"\s?(?:update|cut-?\s?off)\b",
    r"\b(?:knowledge|training(?: data)?)(?:['’]s)? cut-?\s?off(?: date)?\b[^.!?\n]{0,30}?\b(?:is|was|of|in|at|"
    r":)\s[^.!?\n]{0,30}?YEAR",
    r"\bmy (?:knowledge|training(?: data)?|information|data)\s(?:base )?(?:is|was|has|only|ends|stops|extends|"
    r"goes|does|cuts|runs)\b[^.!?\n]{0,60}?YEAR",
    r"\bi (?:was|am|have been|only have)[^.!?\n]{0,40}?(?:trained|knowledge|information|data)"
    r"[^.!?\n]{0,40}?(?:up to|until|through|prior to|before|as of)[^.!?\n]{0,20}?YEAR",
    r"\bmy last (?:update|training) (?:was )?(?:in|on|as of)\b",
    r"\b(?:as of|since|until) (?:the |my )?(?:last|latest|most recent) (?:update|training|knowledge update)"
    r"\b[^.!?\n]{0,40}?YEAR[^!?\n]{0,80}?\b(?:i|my)\b",
    r"\bmy (?:knowledge|information|data|training)(?: base)? (?:may|might|could) (?:be|not be) (?:outdated|"
    r"out of date|up[- ]to[- ]date|current)\b",
    r"\b(?:to|of) my (?:current |available )?knowledge,? (?:as of|up to|until) [^.!?\n]{0,20}?YEAR",
    r"\bi(?:['’]m| am) not (?:aware|able to (?:access|provide))[^.!?\n]{0,60}?\b(?:after|beyond|past|since) "
    r"[^.!?\n]{0,20}?YEAR",
    r"\bi (?:don['’]t|do not) have (?:any )?(?:access to )?(?:information|knowledge|data)[^.!?\n]{0,30}? "
    r"(?:after|beyond|past)[^.!?\n]{0,20}?YEAR",
    r"\b(?:mein(?:em|en|er|e)?|stand) (?:letzte[nrms]? )?(?:wissens|trainings|kenntnis)(?:stand|daten|update|"
    r"stichtag)s?\b[^.!?\n]{0,50}?YEAR",
    r"\bmein(?:em|er|e)? letzten? (?:wissens)?(?:aktualisierung|update|training)\b",
    r"\bm(?:a|es) dernières? (?:mises? à jour|formation|données)\b",
    r"\bmes informations\b[^.!?\n]{0,60}?YEAR",
    r"\bmon (?:entra[iî]nement|savoir)\b[^.!?\n]{0,60}?YEAR",
    r"\bmein (?:letzter )?(?:stand|wissen)\b[^.!?\n]{0,40}?YEAR",
    r"\b(?:il mio|al mio|del mio) ultimo aggiornamento\b",
    r"\ble mie conoscenze\b[^.!?\n]{0,60}?YEAR",
    r"\bminha última atualização\b",
    r"\bme(?:u conhecimento|us dados|u treinamento)\b[^.!?\n]{0,60}?YEAR",
    r"\bmi (?:fecha de corte|entrenamiento)\b[^.!?\n]{0,60}?YEAR",
    r"мо(?:его|е|ё) последне(?:го|е) обновлени",
    r"мои знания[^.!?\n]{0,40}?YEAR",
    r"\b(?:mes connaissances|mes données(?: d['’]entra[iî]nement)?)\b[^.!?\n]{0,60}?YEAR",
    r"\bmi última actualización\b",
    r"\bmis? (?:conocimientos?|datos(?: de entrenamiento)?)\b[^.!?\n]{0,60}?YEAR",
    r"截至我",
    r"(?:我的)(?:知识|知識|训练数据|数据|信息|訓練資料|資料)[^。！？\n]{0,12}(?:截止|截至|更新|止于)",
    r"知识截止",
)
TALK = "(?i)" + "|".join(_FORMS).replace("YEAR", r"(?:19|20)[0-9]{2}")


@stage("cutoff", order=84)
@dataclass(frozen=True)
class Cutoff:
    """Tag answers that speak of a knowledge cutoff: "as of my last update in September 2021"."""

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and whether the answer speaks of its cutoff; answers without a trace are left out."""
        traced = turns.filter(has_role(ANSWERS)).filter(pl.col("text").str.contains(_TRACE))
        talk = pl.col("text").str.replace_all(CODE, " ").str.contains(TALK)
        return traced.select("row_id", "turn", talk=where(talk))

    def rules(self) -> tuple[Rule, ...]:
        """Return the rule over cutoff talk."""
        return (Rule("talk", "cutoff_talk", high=0, verdict=self.verdict),)
