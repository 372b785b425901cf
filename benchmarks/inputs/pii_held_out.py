"""A second labelled set of personal data, over more countries, that no pattern was written against.

Telephone numbers are variations of the example numbers of libphonenumber, written as each country writes them;
identifiers come from python-stdnum's check digits; lookalikes are what technical texts are full of. Sentences are in
the country's language.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import phonenumbers
import polars as pl
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import luhn, verhoeff
from stdnum.be import nn
from stdnum.ch import ssn as ahv
from stdnum.cn import ric
from stdnum.fi import hetu
from stdnum.no import fodselsnummer

EACH = 20
REGIONS = {
    "en": ("US", "GB", "CA", "AU", "IE", "IN", "ZA", "NZ", "SG"),
    "de": ("DE", "AT", "CH"),
    "fr": ("FR", "BE"),
    "es": ("ES", "MX", "AR", "CO"),
    "it": ("IT",),
    "pt": ("PT", "BR"),
    "nl": ("NL",),
    "pl": ("PL",),
    "sv": ("SE", "NO", "DK", "FI"),
    "tr": ("TR",),
    "ja": ("JP",),
    "ko": ("KR",),
    "zh": ("CN",),
    "ru": ("RU",),
}
WITH_WORD = {
    "en": ("You can reach Ann on {} until six.", "Her mobile number is {}.", "Ring the caretaker: {}"),
    "de": ("Rufen Sie mich bitte unter {} zurück.", "Meine Handynummer lautet {}.", "Erreichbar unter {}"),
    "fr": ("Vous pouvez m'appeler au {} ce soir.", "Son numéro de téléphone : {}."),
    "es": ("Puede llamarme al {} por la tarde.", "Mi teléfono móvil es el {}."),
    "it": ("Mi chiami al {} dopo pranzo.", "Il mio cellulare è {}."),
    "pt": ("Pode ligar para {} amanhã.", "O meu telemóvel é {}."),
    "nl": ("Bel mij op {} vanavond.", "Mijn telefoonnummer is {}."),
    "pl": ("Proszę zadzwonić pod {} jutro.", "Mój numer telefonu to {}."),
    "sv": ("Ring mig på {} i kväll.", "Mitt mobilnummer är {}."),
    "tr": ("Beni {} numarasından arayabilirsiniz.", "Telefonum {}."),
    "ja": ("電話番号は{}です。", "携帯 {} までご連絡ください。"),
    "ko": ("전화번호는 {} 입니다.", "휴대폰 {} 로 연락 주세요."),
    "zh": ("我的手机号是 {} 。", "请拨打电话 {} 联系我。"),
    "ru": ("Позвоните мне по номеру {} завтра.", "Мой телефон {}."),
}
BARE = {
    "en": ("Ann Weller, 4 Mill Lane, {}", "It moved to {} last week."),
    "de": ("Anna Weller, Mühlgasse 4, {}", "Neu ist {} seit Mai."),
    "fr": ("Anne Weller, 4 rue du Moulin, {}",),
    "es": ("Ana Weller, calle Molino 4, {}",),
    "it": ("Anna Weller, via Mulino 4, {}",),
    "pt": ("Ana Weller, rua do Moinho 4, {}",),
    "nl": ("Anna Weller, Molenstraat 4, {}",),
    "pl": ("Anna Weller, ul. Młyńska 4, {}",),
    "sv": ("Anna Weller, Kvarngatan 4, {}",),
    "tr": ("Ayşe Weller, Değirmen Sokak 4, {}",),
    "ja": ("山田花子、{}",),
    "ko": ("김지은, {}",),
    "zh": ("王小红，{}",),
    "ru": ("Анна Веллер, {}",),
}
IDS = ("{}", "ID: {}", "My number is {}, as on the card.", '{{"id": "{}"}}', "no. {} (since 2019)")
CARDS = ("Charge {} please.", "card={}", '{{"card": "{}", "cvc": 1}}', "Mit {} bezahlt.")
TECHNICAL = (
    "Write {} in the list.",
    "`{}`",
    "We moved from there to {} in May.",
    "- {}\n- other",
    'load("{}")',
)


def cases(seed: int = 0, each: int = EACH) -> pl.DataFrame:
    """Return form, kind (null for none), text, start and end of the datum (characters)."""
    rows = []
    for form, kind, draw, sentences in (*_phones(), *_numbers(), *_lookalikes()):
        rng = random.Random(f"held out {seed} {form}")
        for number in range(each):
            sentence, datum = sentences[number % len(sentences)], draw(rng)
            start = sentence.replace("{{", "{").index("{}")
            rows.append((form, kind, sentence.format(datum), start, start + len(datum)))
    return pl.DataFrame(rows, schema=["form", "kind", "text", "start", "end"], orient="row")


Draw = Callable[[random.Random], str]
Form = tuple[str, str | None, Draw, tuple[str, ...]]


def _phones() -> list[Form]:
    forms: list[Form] = []
    for language, regions in REGIONS.items():
        for region in regions:
            for style in ("national", "international"):
                draw = _phone(region, style)
                forms.append((f"phone: {style}, called, {region}", "phone", draw, WITH_WORD[language]))
            forms.append(
                (f"phone: national, bare, {region}", "phone", _phone(region, "national"), BARE[language])
            )
    return forms


def _phone(region: str, style: str) -> Draw:
    written = PhoneNumberFormat.NATIONAL if style == "national" else PhoneNumberFormat.INTERNATIONAL

    def drawn(rng: random.Random) -> str:
        while True:
            kind = rng.choice((PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE))
            example = phonenumbers.example_number_for_type(region, kind)
            digits = str(example.national_number)
            varied = digits[:-4] + "".join(rng.choices("0123456789", k=4))
            number = phonenumbers.PhoneNumber(
                example.country_code, int(varied), italian_leading_zero=example.italian_leading_zero
            )
            if phonenumbers.is_valid_number(number) and "55501" not in varied:
                return phonenumbers.format_number(number, written)

    return drawn


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _date(rng: random.Random, order: str) -> str:
    year, month, day = rng.randint(50, 98), rng.randint(1, 12), rng.randint(1, 28)
    return "".join(f"{ {'y': year, 'm': month, 'd': day}[part]:02}" for part in order)


def _until(draw: Draw, holds: Callable[[str], bool]) -> Draw:
    def drawn(rng: random.Random) -> str:
        while not holds(value := draw(rng)):
            pass
        return value

    return drawn


def _card(start: str, length: int, groups: tuple[int, ...]) -> Draw:
    def drawn(rng: random.Random) -> str:
        body = start + _digits(rng, length - len(start) - 1)
        number, pieces, at = body + luhn.calc_check_digit(body), [], 0
        for size in groups:
            pieces.append(number[at : at + size])
            at += size
        return " ".join(pieces)

    return drawn


def _aadhaar(rng: random.Random) -> str:
    body = rng.choice("23456789") + _digits(rng, 10)
    number = body + verhoeff.calc_check_digit(body)
    return f"{number[:4]} {number[4:8]} {number[8:]}"


def _numbers() -> list[Form]:
    return [
        ("card: Visa", "card", _card("4", 16, (16,)), CARDS),
        ("card: Mastercard, grouped", "card", _card("2221", 16, (4, 4, 4, 4)), CARDS),
        ("card: Diners, grouped", "card", _card("36", 14, (4, 6, 4)), CARDS),
        ("card: UnionPay of 19", "card", _card("62", 19, (19,)), CARDS),
        ("card: American Express", "card", _card("34", 15, (15,)), CARDS),
        (
            "national_id: FI",
            "national_id",
            _until(
                lambda r: f"{_date(r, 'dmy')}-{_digits(r, 3)}{r.choice('0123456789ABCDEFHJKLMNPRSTUVWXY')}",
                hetu.is_valid,
            ),
            IDS,
        ),
        (
            "national_id: NO",
            "national_id",
            _until(lambda r: _date(r, "dmy") + _digits(r, 5), fodselsnummer.is_valid),
            IDS,
        ),
        (
            "national_id: BE",
            "national_id",
            _until(
                lambda r: (
                    f"{r.randint(50, 98)}.{r.randint(1, 12):02}.{r.randint(1, 28):02}-{_digits(r, 3)}.{_digits(r, 2)}"
                ),
                nn.is_valid,
            ),
            IDS,
        ),
        (
            "national_id: CH",
            "national_id",
            _until(lambda r: f"756.{_digits(r, 4)}.{_digits(r, 4)}.{_digits(r, 2)}", ahv.is_valid),
            IDS,
        ),
        ("national_id: IN", "national_id", _aadhaar, IDS),
        (
            "national_id: CN",
            "national_id",
            _until(lambda r: f"11010519{_date(r, 'ymd')}{_digits(r, 3)}{r.choice('0123456789X')}", ric.is_valid),
            IDS,
        ),
    ]  # fmt: skip


def _one_of(*patterns: str) -> Draw:
    return lambda rng: "".join(rng.choice("123456789") if c == "#" else c for c in rng.choice(patterns))


def _lookalikes() -> list[Form]:
    return [
        ("not: picture", None, _one_of("icon@#x.png", "sprite@#x.webp", "splash@#x.heic", "a/b@#x.jpeg"), TECHNICAL),
        (
            "not: package",
            None,
            _one_of(
                "left-pad@#.#.##",
                "@acme/ui@#.#.#",
                "tool@#.#.#.tgz",
                "core@v#.##.#.zip",
                "app@#.#.#-rc.#",
                "lib@^#.#.#",
            ),
            TECHNICAL,
        ),
        ("not: unit", None, _one_of("getty@tty#.service", "openvpn@home#.service", "backup@daily.timer"), TECHNICAL),
        (
            "not: version",
            None,
            _one_of("#.##.1#.#", "##.#.1##.##", "#.#.##.##"),
            (
                "driver version 3.12.10.4 beside {} of it",
                "Upgrade the firmware from 1.2.30.4 to {}.",
                "tool=={}",
                "Versionen 2.10.11.1 und {}",
                "release notes: {}",
            ),
        ),
        (
            "not: section",
            None,
            _one_of("#.##.#.##", "##.#.##.#"),
            (
                "Sections 3.12.1.4 and {} apply.",
                "{} Scope of the annex",
                "siehe Abschnitt 1.2.10.1 und {}",
                "§§ 2.1.10.4, {}",
            ),
        ),
        (
            "not: article number",
            None,
            _one_of("EAN 4#########0#3", "ISBN 978-3-#6-######-#", "P/N ###-####-##"),
            TECHNICAL,
        ),
        (
            "not: amount",
            None,
            _one_of("### ### ###", "# ### ### zł", "### ### €", "## ### ###"),
            ("It cost {} in all.", "The sum of {} was paid."),
        ),
        ("not: time", None, _one_of("1#####2###", "17###########", "2024011#T0#0000", "0#.0#.2024 0#:1#"), TECHNICAL),
    ]  # fmt: skip
