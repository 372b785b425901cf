"""Rows whose task is the address itself: "convert this IPv4 address to binary".

A placeholder would leave such a question without what it asks about, under the answer to the old one. These rows are
told by their first question: short, naming the kind of thing and something that is done to it, and nobody's own ("my
number"). Or the question asks for an invented one, and it stands in the answer. Keys are never left standing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tilth.curation.pii.pattern import KindName

_MAX_QUESTION_CHARS = 500
_NOUNS_WRITTEN: dict[KindName, str] = {
    "ip": r"\bips?\b|ipv[46]|subnet|netmask|\bcidr\b|\bhost|address|direcci[oó]n|adresse|地址|アドレス|주소",
    "email": r"e-?mail|correo|courriel|邮箱|邮件|メール|이메일|электронн",
    "phone": r"phone|mobile|\bnumber\b|tel[eé]fon|t[eé]l[eé]phone|rufnummer|电话|電話|전화|телефон|номер",
    "card": r"\bcard\b|kreditkarte|karten|tarjeta|carte|\bluhn\b|\bnumber\b|卡号|カード|карт",
    "iban": r"\biban\b|bank account|konto|cuenta|compte",
    "national_id": r"\bssn\b|social security|\bid\b|identi|\bdni\b|\bnie\b|\bcpf\b|pesel|\bnir\b|codice fiscale"
    r"|steuer|\bnumber\b|身份证|номер",
}
_NOUNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _NOUNS_WRITTEN.items()}
# What is done to an address for its own sake.
_DONE_TO_IT = re.compile(
    r"\b(?:convert|binary|hexa?decimal|hex|octal|valid|validate|validity|well-?formed|check ?sums?|check digits?"
    r"|luhn"
    r"|subnet|netmask|network (?:part|portion|address|class)|broadcast|class [a-e]\b|which class|private or public"
    r"|public or private|reverse|format|reformat|normali[sz]e|e\.?164|mask|redact|anonymi[sz]e|obfuscate|encode"
    r"|decode|hash|domain|user ?name|local part|area code|country code|country (?:does|is)|prefix|regex"
    r"|regular expression|parse|split"
    r"|digits?|sum of|how many|bank code|issuer|issued|which (?:country|bank|network|region)|spell|sort|compare"
    r"|umwandel\w*|umrechn\w*|konvertier\w*|bin[aä]r\w*|g[uü]ltig\w*|pr[uü]fziffer|formatier\w*|vorwahl"
    r"|convi[eé]rt\w*|convertir|conviert\w*|binario|v[aá]lid[oa]s?|formate\w*|prefijo|binaire|valide|indicatif"
    r"|converti\w*|valido|converter|v[aá]lido|bin[aá]rio|dw[oó]jkow\w*|poprawn\w*|двоичн\w*|преобраз\w*|корректн\w*)\b"
    r"|二进制|转换|有效|二進|変換|有効|이진|변환|유효",
    re.IGNORECASE,
)
_INVENTED = re.compile(
    r"\b(?:generat\w*|random\w*|examples?|samples?|fake|dummy|mock|made-?up|invent\w*|placeholders?|fictional|synthetic"
    r"|beispiel\w*|zuf[aä]llig\w*|ejemplo|aleatori\w*|exemple|al[eé]atoire|esempio|casuale|exemplo|пример\w*|случайн\w*)\b"
    r"|随机|例|サンプル|예시|무작위",
    re.IGNORECASE,
)
_THING: dict[KindName, re.Pattern[str]] = {
    "ip": re.compile(r"\bip\b|ipv[46]|ip[- ]?address", re.IGNORECASE),
    "email": re.compile(r"e-?mail address|email id", re.IGNORECASE),
    "phone": re.compile(
        r"(?:phone|telephone|mobile) numbers?|telefonnummer|n[uú]mero de tel[eé]fono", re.IGNORECASE
    ),
    "card": re.compile(r"card numbers?|kreditkartennummer", re.IGNORECASE),
    "iban": re.compile(r"\bibans?\b", re.IGNORECASE),
    "national_id": re.compile(r"\bssns?\b|security number|\bcpf\b|\bdni\b|\bpesel\b", re.IGNORECASE),
}
_SOMEBODYS = re.compile(
    r"\b(?:my|mine|our|me|i'?m|we|meine?r?|unsere?r?|mir|mi|mis|nuestr[oa]s?|mon|ma|mes|notre|mio|mia|meu|minha|m[oó]j|moja|мой|моя"
    r"|наш\w*)\b|我的|私の|내 ",
    re.IGNORECASE,
)
_ANSWERS = ("assistant", "chosen", "rejected")
Turn = tuple[str, str, Sequence[tuple[int, int, KindName]]]


def kinds_of_task(turns: Sequence[Turn]) -> set[KindName]:
    """Return the kinds of data that a row is about, and that are left in its turns.

    turns: role, text and what was found in it, of a whole row.
    """
    first = next((at for at, (role, *_) in enumerate(turns) if role in _ANSWERS), len(turns))
    asked, answered = turns[:first], turns[first:]
    question = "\n".join(text for _, text, _ in asked)
    if not asked or len(question) > _MAX_QUESTION_CHARS or _SOMEBODYS.search(question):
        return set()
    about = {kind for _, _, spans in asked for *_, kind in spans}
    kept = {
        kind
        for kind in about
        if kind in _NOUNS and _NOUNS[kind].search(question) and _DONE_TO_IT.search(question)
    }
    if _INVENTED.search(question):
        given = {kind for _, _, spans in answered for *_, kind in spans} - about
        kept |= {kind for kind in given if kind in _THING and _THING[kind].search(question)}
    return kept
