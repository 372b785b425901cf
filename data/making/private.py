"""Personal data that belongs to nobody: an invented town, reserved numbers, valid checksums."""

from __future__ import annotations

from random import Random

# Letters and figures of the basic account number, after the country and the check figures.
_IBAN_FIGURES = {"DE": 18, "FR": 23, "ES": 20, "GB": 14}
_COUNTRY = {"en": "GB", "de": "DE", "fr": "FR", "es": "ES"}
_SENTENCES = {
    "en": {
        "email": "Write to me at {value} please.",
        "phone": "My phone number is {value} all day.",
        "iban": "Send the money to {value} please.",
        "card": "I paid with the card {value} then.",
    },
    "de": {
        "email": "Schreiben Sie mir bitte an {value} zurück.",
        "phone": "Meine Telefonnummer ist {value} am Tag.",
        "iban": "Das Geld geht bitte an {value} zurück.",
        "card": "Ich habe mit der Karte {value} gezahlt.",
    },
    "fr": {
        "email": "Vous pouvez m'écrire à {value} bien sûr.",
        "phone": "Mon numéro de téléphone est le {value} en journée.",
        "iban": "Envoyez l'argent sur {value} merci.",
        "card": "J'ai payé avec la carte {value} ce jour.",
    },
    "es": {
        "email": "Puede escribirme a {value} cuando quiera.",
        "phone": "Mi número de teléfono es {value} por el día.",
        "iban": "Envíe el dinero a {value} por favor.",
        "card": "Pagué con la tarjeta {value} ese día.",
    },
}
KINDS = ("email", "phone", "iban", "card")


def private(rng: Random, kind: str, lang: str, name: str) -> tuple[str, str]:
    """Return an invented value of `kind` and a sentence that holds it."""
    value = {"email": _email, "phone": _phone, "iban": _iban, "card": _card}[kind](rng, lang, name)
    return value, _SENTENCES[lang][kind].format(value=value)


def _figures(rng: Random, count: int) -> str:
    return "".join(str(rng.randrange(10)) for _ in range(count))


def _email(rng: Random, lang: str, name: str) -> str:
    """An address of the invented town's post; detectors rightly pass over example.com and its kin."""
    return f"{name.lower()}.{_figures(rng, 3)}@post.tarnwick-town.net"


def _phone(rng: Random, lang: str, name: str) -> str:
    """Numbers set aside for fiction by the regulators (Ofcom, Bundesnetzagentur, Arcep), else invented."""
    return {
        "en": f"+44 7700 900{_figures(rng, 3)}",
        "de": f"+49 30 23125 {_figures(rng, 3)}",
        "fr": f"+33 1 99 00 {_figures(rng, 2)} {_figures(rng, 2)}",
        "es": f"+34 600 00{_figures(rng, 1)} {_figures(rng, 3)}",
    }[lang]


def _iban(rng: Random, lang: str, name: str) -> str:
    """A check number by ISO 7064 mod 97-10, so that validators accept it."""
    country = _COUNTRY[lang]
    account = ("TEST" if country == "GB" else "") + _figures(rng, _IBAN_FIGURES[country])
    check = 98 - int("".join(str(int(c, 36)) for c in f"{account}{country}00")) % 97
    plain = f"{country}{check:02}{account}"
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))


def _card(rng: Random, lang: str, name: str) -> str:
    """A card number in the range that issuers keep for tests, with its Luhn figure."""
    body = "411111" + _figures(rng, 9)
    doubled = [int(c) * 2 if i % 2 == 0 else int(c) for i, c in enumerate(body)]
    check = -sum(d - 9 if d > 9 else d for d in doubled) % 10
    plain = f"{body}{check}"
    return " ".join(plain[i : i + 4] for i in range(0, 16, 4))
