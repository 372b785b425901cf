from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import get_args

import langdetect
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.curation import language
from tilth.curation.language import UNKNOWN, Code, identify, identify_prose, prose
from tilth.curation.language.profiles import load

# Written for this test.
SENTENCES = {
    "ar": "ذهبت أختي إلى السوق في الصباح واشترت الخبز والتفاح لجميع أفراد العائلة.",
    "bg": "Утре сутринта ще отидем на пазара, за да купим хляб и ябълки за цялото семейство.",
    "bn": "আমার বোন সকালে বাজারে গিয়ে পরিবারের সবার জন্য রুটি ও আপেল কিনেছে।",
    "cs": "Zítra ráno půjdeme na trh a koupíme čerstvý chléb a jablka pro celou rodinu.",
    "da": "I morgen tidlig går vi på markedet og køber frisk brød og æbler til hele familien.",
    "de": "Morgen früh gehen wir auf den Markt und kaufen frisches Brot und Äpfel für die ganze Familie.",
    "el": "Αύριο το πρωί θα πάμε στην αγορά για να πάρουμε φρέσκο ψωμί και μήλα για όλους.",
    "en": "Tomorrow morning we will go to the market and buy fresh bread and apples for the whole family.",
    "es": "Mañana por la mañana iremos al mercado y compraremos pan fresco y manzanas para toda la familia.",
    "et": "Homme hommikul läheme turule ning ostame kogu perele värsket leiba ja õunu.",
    "fa": "فردا صبح به بازار می‌رویم و برای همهٔ خانواده نان تازه و سیب می‌خریم.",
    "fi": "Huomenna aamulla menemme torille ja ostamme tuoretta leipää ja omenoita koko perheelle.",
    "fr": "Demain matin, nous irons au marché acheter du pain frais et des pommes pour toute la famille.",
    "he": "מחר בבוקר נלך לשוק ונקנה לחם טרי ותפוחים לכל המשפחה.",
    "hi": "कल सुबह हम बाज़ार जाएँगे और पूरे परिवार के लिए ताज़ी रोटी और सेब खरीदेंगे।",
    "hu": "Holnap reggel elmegyünk a piacra, és friss kenyeret meg almát veszünk az egész családnak.",
    "id": "Besok pagi kami akan pergi ke pasar dan membeli roti segar serta apel untuk seluruh keluarga.",
    "it": "Domani mattina andremo al mercato a comprare del pane fresco e delle mele per tutta la famiglia.",
    "ja": "明日の朝、市場に行って、家族みんなのために新しいパンとりんごを買います。",
    "ko": "내일 아침에 우리는 시장에 가서 온 가족을 위해 신선한 빵과 사과를 살 것입니다.",
    "lt": "Rytoj ryte eisime į turgų ir nupirksime šviežios duonos bei obuolių visai šeimai.",
    "nl": "Morgenochtend gaan we naar de markt om vers brood en appels voor het hele gezin te kopen.",
    "pl": "Jutro rano pójdziemy na targ i kupimy świeży chleb oraz jabłka dla całej rodziny.",
    "pt": "Amanhã de manhã iremos ao mercado comprar pão fresco e maçãs para toda a família.",
    "ro": "Mâine dimineață vom merge la piață și vom cumpăra pâine proaspătă și mere pentru toată familia.",
    "ru": "Завтра утром мы пойдём на рынок и купим свежий хлеб и яблоки для всей семьи.",
    "sv": "I morgon bitti går vi till torget och köper färskt bröd och äpplen till hela familjen.",
    "sw": "Kesho asubuhi tutakwenda sokoni kununua mkate na matunda kwa ajili ya familia yote.",
    "ta": "நாளை காலை நாங்கள் சந்தைக்குச் சென்று குடும்பத்திற்காக ரொட்டியும் பழங்களும் வாங்குவோம்.",
    "th": "พรุ่งนี้เช้าเราจะไปตลาดเพื่อซื้อขนมปังสดและแอปเปิลให้ทุกคนในครอบครัว",
    "tr": "Yarın sabah pazara gidip bütün aile için taze ekmek ve elma alacağız.",
    "uk": "Завтра вранці ми підемо на ринок і купимо свіжий хліб та яблука для всієї родини.",
    "vi": "Sáng mai chúng tôi sẽ đi chợ mua bánh mì tươi và táo cho cả gia đình.",
    "zh": "明天早上我们要去市场，给全家人买新鲜的面包和苹果。",
}
NO_PROFILE = {
    "Armenian": "Վաղն առավոտյան մենք կգնանք շուկա և թարմ հաց ու խնձոր կգնենք ամբողջ ընտանիքի համար։",
    "Georgian": "ხვალ დილით ბაზარში წავალთ და მთელი ოჯახისთვის ახალ პურს და ვაშლს ვიყიდით.",
    "Khmer": "ព្រឹកស្អែក យើងនឹងទៅផ្សារ ដើម្បីទិញនំប៉័ង និងផ្លែប៉ោម សម្រាប់គ្រួសារទាំងមូល។",
    "Amharic": "ነገ ጠዋት ወደ ገበያ ሄደን ለቤተሰቡ ሁሉ ትኩስ ዳቦና ፖም እንገዛለን።",
    "Icelandic": "Á morgun förum við á markaðinn og kaupum nýtt brauð og epli handa allri fjölskyldunni.",
    "Zulu": "Kusasa ekuseni sizoya emakethe siyothenga isinkwa esisha nama-apula omndeni wonke.",
    "Kazakh": "Ертең таңертең біз базарға барып, бүкіл отбасыға жаңа піскен нан мен алма сатып аламыз.",
}


def test_every_sentence_gets_its_language() -> None:
    found = identify(pl.Series(list(SENTENCES.values())))
    assert found["language"].to_list() == list(SENTENCES)
    assert found["confidence"].min() > 0.5


def test_languages_without_a_profile_are_unknown() -> None:
    found = identify(pl.Series(list(NO_PROFILE.values())))
    assert found["language"].to_list() == [UNKNOWN] * len(NO_PROFILE)


def test_nothing_to_go_by_is_unknown() -> None:
    found = identify(
        pl.Series([None, "", " ", "42", "...", "👍", "x = 1", "https://example.org/the/best/of/all"])
    )
    assert set(found["language"]) == {UNKNOWN}
    assert identify(pl.Series([], dtype=pl.String)).schema == {
        "language": pl.String,
        "confidence": pl.Float64,
    }


@pytest.fixture(scope="module")
def generated() -> list[str]:
    """Random sentences of every language, a chain over the trigrams of its profile."""
    folder = langdetect.detector_factory.PROFILES_DIRECTORY
    draw = random.Random(0)
    out = []
    for name in sorted(set(load().languages) - {"zh"}):
        with open(f"{folder}/{name}", encoding="utf-8") as file:  # noqa: PTH123
            counts = json.load(file)["freq"]
        following: dict[str, tuple[list[str], list[int]]] = {}
        for gram, count in counts.items():
            if len(gram) == 3:
                letters, weights = following.setdefault(gram[:2], ([], []))
                letters.append(gram[2])
                weights.append(count)
        starts = [pair for pair in following if pair[0] == " "]
        for _ in range(6):
            text = draw.choice(starts)
            while len(text) < 120:
                letters, weights = following.get(text[-2:], following[draw.choice(starts)])
                text += draw.choices(letters, weights)[0]
            out.append(text)
    return out


def test_agrees_with_langdetect_as_two_of_its_seeds_do(
    generated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def original(text: str, seed: int) -> str:
        langdetect.DetectorFactory.seed = seed
        return str(langdetect.detect(text)).split("-")[0]

    texts = [*generated, *SENTENCES.values()]
    monkeypatch.setattr(language, "MIN_CONFIDENCE", -1.0)  # name the best, certain or not, as langdetect does
    ours = identify(pl.Series(texts))["language"]
    zero, one = ([original(text, seed) for text in texts] for seed in (0, 1))
    agreement = np.mean([a == b for a, b in zip(ours, zero)])
    assert agreement >= 0.99
    assert agreement >= np.mean([a == b for a, b in zip(zero, one)]) - 0.005


@settings(deadline=None)
@given(st.lists(st.text(max_size=50), max_size=8), st.randoms())
def test_the_answer_for_a_text_does_not_depend_on_the_others(texts: list[str], order: random.Random) -> None:
    whole = dict(zip(texts, identify(pl.Series(texts, dtype=pl.String)).rows()))
    shuffled = order.sample(texts, len(texts))
    assert identify(pl.Series(shuffled, dtype=pl.String)).rows() == [whole[text] for text in shuffled]


def test_a_slice_of_a_series_is_read_from_its_own_start() -> None:
    texts = pl.Series(list(SENTENCES.values()) * 2)
    assert identify(texts[7:20])["language"].to_list() == (list(SENTENCES) * 2)[7:20]


def test_code_links_and_markup_are_passed_over() -> None:
    text = (
        "Siehe <a href='https://example.org/the-best'>hier</a>, Fragen an help@example.org:\n"
        "```python\nfor item in the_whole_list:\n    print(item)\n```\n"
        "int result = compute(the, whole, list);\nDie Funktion `read_the_file` liest die Datei ein."
    )
    (left,) = pl.DataFrame({"text": [text]}).select(prose(pl.col("text")))["text"]
    assert " ".join(left.split()) == "Siehe hier , Fragen an : Die Funktion liest die Datei ein."
    assert identify(pl.Series([text]))["language"].to_list() == ["de"]


MARKDOWN = """---
title: the-page
description: how to build the best of all things with this tool
---

## {0}

| `name` | {0} |
|---|---|
| `the_value` | <a href="https://example.org/the/best">`here`</a> |

![{0}](../images/the-best-picture-of-all.png "the title of it")
<!-- This comment is for those who work on the page and not for those who read it. -->
- [{0}](getting-started/with-the-thing.md#how-to-begin)
- {{{{< shortcode with="some English words in it" >}}}}

[1]: https://example.org/where-this-is-from

~~~bash
sudo apt-get install the-whole-thing && echo "this is done"
~~~
<pre class="wide">this is the output of the command that is shown above</pre>
"""


def test_markdown_is_read_by_its_prose() -> None:
    pages = pl.Series([MARKDOWN.format(sentence) for sentence in SENTENCES.values()])
    assert identify(pages)["language"].to_list() == list(SENTENCES)
    (left,) = pl.DataFrame({"text": [MARKDOWN.format("@")]}).select(prose(pl.col("text")))["text"]
    assert not [word for word in left.split() if word.isalpha()]


def test_terms_in_latin_letters_do_not_make_a_page_english() -> None:
    chinese = "在 Kubernetes cluster 中安装 Longhorn manager，然后打开 dashboard 检查 volume 的状态。"
    russian = "Установите на этот компьютер Docker Desktop и запустите контейнер командой docker compose up."
    quoting = "The Russian word кот and the Chinese sign for a cat are among the first that children write."
    assert identify(pl.Series([chinese, russian, quoting]))["language"].to_list() == ["zh", "ru", "en"]


def test_confidence_grows_with_the_text_and_is_low_for_a_word() -> None:
    sentence = SENTENCES["nl"]
    found = identify(pl.Series([sentence[:8], sentence[:30], sentence, f"{sentence} {sentence}"]))
    assert found["confidence"].is_sorted()
    assert found["confidence"][0] < 0.5
    assert found["confidence"][3] > 0.9


def test_a_lead_is_a_share_of_what_is_typical_of_two_languages() -> None:
    texts = pl.Series([SENTENCES["es"], SENTENCES["en"], SENTENCES["es"], SENTENCES["es"]])
    found = identify_prose(texts, pl.Series(["pt", "de", "es", UNKNOWN]))
    assert found["lead"][:2].is_between(0.3, 1.6).all()
    assert found["nats"][1] > found["nats"][0] > 0
    assert found["lead"][2:].to_list() == found["nats"][2:].to_list() == [0.0, 0.0]


def test_distances_between_profiles_are_of_their_own_texts() -> None:
    tables = load()
    place = {name: at for at, name in enumerate(tables.languages)}
    assert (tables.distance.diagonal() == 0).all()
    assert tables.distance[place["da"], place["no"]] < 0.5 < tables.distance[place["es"], place["pt"]] < 1
    assert tables.distance[place["en"], place["de"]] > 1.3
    assert (
        tables.distance + np.eye(len(place) + 1)[: len(tables.languages), : len(tables.languages)] > 0
    ).all()


def test_the_codes_of_the_recipe_are_those_of_the_profiles() -> None:
    assert sorted(set(load().languages)) == sorted(get_args(Code))


def test_langdetect_itself_is_not_imported() -> None:
    script = (
        "import sys, polars as pl\nfrom tilth.curation.language import identify\n"
        "identify(pl.Series(['hello world']))\nassert 'langdetect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_script_comes_first() -> None:
    """Without Hangul nothing is Korean, and Han without kana is Chinese, in traditional signs too."""
    traditional = [
        "請列出三個節省電費的方法",
        "孩子們在公園裡的草地上奔跑",
        "資料庫連線逾時，請檢查伺服器設定。",
    ]
    simplified = ["推荐三本科幻小说", "把下面的句子改写成被动语态", "请解释一下什么是数据库"]
    found = identify(
        pl.Series([*traditional, *simplified, "날씨가 좋다, 산책하러 가자", "山の上に小さな家がある"])
    )
    assert found["language"].to_list() == ["zh"] * 6 + ["ko", "ja"]


@settings(deadline=None, max_examples=40)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=30))
def test_no_text_in_han_alone_is_korean_or_japanese(text: str) -> None:
    assert identify(pl.Series([text]))["language"].to_list()[0] in {"zh", UNKNOWN}


def test_a_short_text_in_a_language_without_a_profile_is_not_named_after_its_neighbour() -> None:
    galician = "Onte fomos á praia cos nosos curmáns e comemos unha empanada moi boa."
    basque = "Gaur goizean mendira joan gara eta elurra ikusi dugu bide ertzean."
    irish = "Bhí an aimsir go hálainn inné agus chuaigh muid go dtí an trá."
    assert identify(pl.Series([galician, basque, irish]))["language"].to_list() == [UNKNOWN] * 3


def test_short_english_instructions_are_english_or_unknown() -> None:
    prompts = [
        "Design a data model for a library.",
        "Define data science in a simple sentence.",
        "Create a tagline for a pasta restaurant.",
        "Compute the median of the data.",
        "Name a formula in economics.",
        "Suggest a destination in Romania.",
    ]
    found = identify(pl.Series(prompts))
    assert set(found["language"]) <= {"en", UNKNOWN}


def test_what_cld2_refuses_to_read_is_named_by_the_profiles() -> None:
    odd = "The market\x00 opens at eight \x1fand closes\ufffe at noon on every day of the week.\x7f"
    assert identify(pl.Series([odd]))["language"].to_list() == ["en"]


def test_wide_letters_count_as_three() -> None:
    found = identify_prose(pl.Series(["公園很大", "park"]))
    assert found["letters"].to_list() == [12, 4]
