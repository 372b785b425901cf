"""An answer that speaks of the day on which somebody else's model stopped learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.response import ANSWERS, has_role, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

# Cheap and case-sensitive: what every talk of a cutoff has in it.
_TRACE = (
    r"[Cc]ut-?\s?off|[Mm]y (?:last|latest|most recent|current) |[Mm]y (?:training|knowledge|data|"
    r"information)|trained |nowledge (?:is|was|only)|(?:information|nowledge|data|events) (?:after|"
    r"beyond|past) "
    r"|Wissens|Trainingsdaten|Kenntnisstand|letzte[ns]? (?:Aktualisierung|Update)|mise à jour|"
    r"mes connaissances"
    r"|mes données|última actualización|mi conocimiento|mis (?:conocimientos|datos)|截至|知识|知識|训练数据|訓練資料"
)
TALK = (
    r"(?i)\b(?:as of|since|until|up to|at the time of|before|after|beyond|based on) my (?:last "
    r"|latest |most recent |current )?(?:knowledge |training |data |information )*(?:update"
    r"|cut-?\s?off|training|refresh)\b|\bmy (?:last |latest |most recent |current )?(?:knowledge"
    r"|training|data|information|training data)\s?(?:update|cut-?\s?off)\b|\b(?:knowledge"
    r"|training(?: data)?)(?:['’]s)? cut-?\s?off(?: date)?\b[^.!?\n]{0,30}?\b(?:is|was|of|in|at"
    r"|:)\s[^.!?\n]{0,30}?YEAR|\bmy (?:knowledge|training(?: data)?|information"
    r"|data)\s(?:base )?(?:is|was|has|only|ends|stops|extends|goes|does|cuts"
    r"|runs)\b[^.!?\n]{0,60}?YEAR|\bi (?:was|am|have been|only have)[^.!?\n]{0,40}?(?:trained"
    r"|knowledge|information|data)[^.!?\n]{0,40}?(?:up to|until|through|prior to|before"
    r"|as of)[^.!?\n]{0,20}?YEAR|\bmy last (?:update|training) (?:was )?(?:in|on|as of)\b"
    r"|\bi (?:don['’]t|do not) have (?:any )?(?:access to )?(?:information|knowledge|"
    r"data)[^.!?\n]{0,30}? (?:after|beyond|past)[^.!?\n]{0,20}?YEAR"
    r"|\b(?:mein(?:em|en|er|e)?|stand) (?:letzte[nrms]? )?(?:wissens|trainings|kenntnis)(?:stand"
    r"|daten|update|stichtag)s?\b[^.!?\n]{0,50}?YEAR|\bmein(?:em|er"
    r"|e)? letzten? (?:wissens)?(?:aktualisierung|update|training)\b|\bma dernière mise à jour\b"
    r"|\b(?:mes connaissances|mes données(?: d['’]entra[iî]nement)?)\b[^.!?\n]{0,60}?YEAR"
    r"|\bmi última actualización\b|\bmis? (?:conocimientos?"
    r"|datos(?: de entrenamiento)?)\b[^.!?\n]{0,60}?YEAR|截至我|(?:我的)(?:知识|知識|训练数据"
    r"|訓練資料)[^。！？\n]{0,12}(?:截止|截至|更新|止于)|知识截止"
).replace("YEAR", r"(?:19|20)[0-9]{2}")


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
