from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.rules.cutoff import Cutoff
from tilth.shards.tables import Verdict


@pytest.mark.parametrize(
    "text",
    [
        "As of my last update in September 2021, the record stood at 9.58 s.",
        "As of my knowledge cutoff in 2023, he is the president.",
        "My knowledge cutoff is January 2022.",
        "My training data only goes up to 2021, so I may be wrong.",
        "I don't have information about events after 2021.",
        "I was trained on data up to April 2023.",
        "As of my last knowledge update, there were eight.",
        "Meine Trainingsdaten reichen nur bis 2021.",
        "Mein Wissensstand ist von September 2021.",
        "À ma dernière mise à jour, en 2021, il y en avait huit.",
        "Hasta mi última actualización, en 2021, eran ocho.",
        "截至我的知识更新时间2021年9月，共有八个。",
        "我的知识截止到2021年。",
        "D'après mes dernières mises à jour en septembre 2021, il coûte un euro.",
        "Mon entraînement s'arrête en 2021.",
        "Mein letzter Stand ist von September 2021.",
        "Secondo il mio ultimo aggiornamento, nel 2021, erano otto.",
        "Até minha última atualização, em 2021, eram oito.",
        "As of the last update in 2021, I know of eight.",
        "I am not aware of any events after September 2021.",
        "My information may be outdated, so please check.",
    ],
)
def test_cutoff_talk_is_found(text: str) -> None:
    assert reasons(Cutoff(), answers(text)) == [{"cutoff_talk"}]


@pytest.mark.parametrize(
    "text",
    [
        "As of my last visit in 2019, the museum was open.",
        "The cutoff date for applications is 1 May 2021.",
        "The last update of the library came out in 2021.",
        "To the best of my knowledge, it opened in 1998.",
        "Use a cutoff frequency of 2000 Hz.",
        "My training as a nurse ended in 2015 when I moved to Rome.",
        "My last update of the system was a mess, said Ada.",
        "Knowledge is power, and has been since 1597.",
        "Mein letztes Auto war von 2012.",
        "As of the last update in 2021, the library has eight modules.",
        "Les dernières mises à jour datent de 2021.",
        "Mein Wissen habe ich aus Büchern.",
        "I am not aware of any complaint from my guests.",
        "My data may be deleted after a year.",
        "Print `as of my last update in 2021`.",
    ],
)
def test_other_dates_are_kept(text: str) -> None:
    assert reasons(Cutoff(), answers(text)) == [set()]


def test_it_tags_by_default() -> None:
    assert {rule.verdict for rule in Cutoff().rules()} == {Verdict.KEEP}
