"""A labelled set of personal data and of what resembles it, made from a seed.

Forms in scope and in the set, although a plain pattern can hardly tell them: local phone numbers with nothing in
front that says so. Out of scope, and not in the set: obfuscated addresses ("bob at firm dot org"), names, postal
addresses, birthdays, passports and licences, e-mail addresses with letters beyond ASCII.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tilth.curation.pii import checksums

EACH = 40
LOCAL_BARE = "phone: local, bare"
SENTENCES = (
    "{}",
    "Please use {} from now on.",
    "As agreed: {}.",
    "({})",
    "On file: “{}”, since May.",
    "{}, as before",
    "The new one is {}; the old one is void.",
    "| Ann | {} | yes |",
    "- {}\n- second line",
    "Ist {} noch richtig?",
    "Es {} y no otro.",
    "C'est {} ou rien !",
    "value: {}\n",
    '{{"field": "{}", "ok": true}}',
    "→ {} ←",
)
CALLS = (
    "Call me at {}.",
    "Tel. {}",
    "phone: {}",
    "Telefon: {}",
    "Fax {}",
    "mobile {}, after six",
    "Tel: {} (Ann)",
)
NAMES = ("ann", "jane.doe", "j_smith", "maria-luz", "o.brien+lists", "x", "karl.heinz.m", "li.wei88", "R2.D2")
DOMAINS = (
    "firm.org",
    "mail.co.uk",
    "uni-trier.de",
    "correo.es",
    "a.bcd.io",
    "proton.me",
    "gmail.com",
    "xn--bcher-kva.ch",
)
WORDS = ("river", "copper", "lantern", "meadow", "quiet", "orbit", "saffron", "timber")


@dataclass(frozen=True)
class Form:
    """One surface form: how an instance is drawn, and in which sentences it stands. No kind: nobody's data."""

    name: str
    kind: str | None
    draw: Callable[[random.Random], str]
    sentences: tuple[str, ...] = SENTENCES


def cases(seed: int = 0, each: int = EACH) -> pl.DataFrame:
    """Return form, kind (null for none), text, start and end of the datum (characters)."""
    rows = []
    for form in (*POSITIVE, *NEGATIVE):
        rng = random.Random(f"{seed} {form.name}")
        for number in range(each):
            sentence, datum = form.sentences[number % len(form.sentences)], form.draw(rng)
            text = sentence.format(datum)
            start = sentence.replace("{{", "{").index("{}")
            rows.append((form.name, form.kind, text, start, start + len(datum)))
    return pl.DataFrame(rows, schema=["form", "kind", "text", "start", "end"], orient="row")


# ---- drawing


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


def _signs(rng: random.Random, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(rng.choices(alphabet, k=count))


def _template(pattern: str) -> Callable[[random.Random], str]:
    """Return what fills # with a digit, N with 2 to 9, X with a capital, ? with a letter or digit."""
    fill: dict[str, str] = {
        "#": string.digits,
        "N": "23456789",
        "X": string.ascii_uppercase,
        "?": string.ascii_letters + string.digits,
    }
    return lambda rng: "".join(rng.choice(fill[c]) if c in fill else c for c in pattern)


def _any_template(*patterns: str) -> Callable[[random.Random], str]:
    draws = [_template(pattern) for pattern in patterns]
    return lambda rng: rng.choice(draws)(rng)


def _drawn_until(
    draw: Callable[[random.Random], str], holds: Callable[[str], bool]
) -> Callable[[random.Random], str]:
    """Return a draw that is repeated until the number, without separators, can have been issued."""

    def drawn(rng: random.Random) -> str:
        while True:
            value = draw(rng)
            if holds("".join(filter(str.isalnum, value))):
                return value

    return drawn


def _grouped(draw: Callable[[random.Random], str], size: int, sign: str) -> Callable[[random.Random], str]:
    def grouped(rng: random.Random) -> str:
        value = draw(rng)
        return sign.join(value[i : i + size] for i in range(0, len(value), size))

    return grouped


def _iban(country: str, pattern: str) -> Callable[[random.Random], str]:
    """Draw the account, then the two check digits that make it 1 modulo 97 (ISO 13616)."""
    account = _template(pattern)

    def drawn(rng: random.Random) -> str:
        held = account(rng)
        number = int("".join(str(int(c, 36)) for c in held + country + "00"))
        return f"{country}{98 - number % 97:02}{held}"

    return drawn


def _date(rng: random.Random) -> str:
    return f"{rng.randint(40, 99)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"


def _secret(rng: random.Random, count: int) -> str:
    return _signs(rng, count - 4) + _digits(rng, 4)


def _email(rng: random.Random) -> str:
    return f"{rng.choice(NAMES)}@{rng.choice(DOMAINS)}"


def _public_ip(rng: random.Random) -> str:
    return ".".join(str(rng.choice(range(*ends))) for ends in ((23, 94), (0, 256), (0, 256), (1, 255)))


def _nir(rng: random.Random) -> str:
    first = f"{rng.randint(1, 2)}{rng.randint(40, 99)}{rng.randint(1, 12):02}{rng.randint(1, 95):02}{_digits(rng, 6)}"
    return first + f"{97 - int(first) % 97:02}"


def _fiscal_code(rng: random.Random) -> str:
    return _drawn_until(_template("XXXXXX8#H1#X###X"), checksums.italian_fiscal_code)(rng)


IBANS = {
    "DE": "#" * 18, "GB": "XXXX" + "#" * 14, "FR": "#" * 23, "ES": "#" * 20, "NL": "XXXX" + "#" * 10, "AT": "#" * 16,
    "NO": "#" * 11, "PL": "#" * 24, "IT": "X" + "#" * 22, "CH": "#" * 17, "MT": "XXXX" + "#" * 23, "SE": "#" * 20,
}  # fmt: skip
DIALLED = (
    "+49 30 ######",
    "+49 (0)171 #######",
    "+33 1 ## ## ## ##",
    "+44 20 #### ####",
    "+1 (N1N) N23-####",
    "+1-N1N-N23-####",
    "+34 6## ### ###",
    "+39 06 ########",
    "+91 9#### #####",
    "+55 11 9####-####",
    "+86 138 #### ####",
    "+81-3-####-####",
    "+61 4## ### ###",
    "+4630#######",
    "+353.86.###.####",
    "(+48) ### ### ###",
    "0049 30 ######",
    "00 33 1 ## ## ## ##",
)
NATIONAL = (
    "(N1N) N23-####",
    "N1N-N23-####",
    "N1N.N23.####",
    "1-800-N23-####",
    "01 ## ## ## ##",
    "06.##.##.##.##",
    "020 7### ####",
    "07### ######",
    "0171/#######",
    "(11) 9####-####",
)
LOCAL = (
    "030 ######",
    "### ### ###",
    "## ### ## ##",
    "0#### ######",
    "### ####",
    "9########",
    "N1N N23 ####",
    "08-### ## ##",
)

POSITIVE = (
    Form("key: sk-", "key", lambda rng: "sk-" + _secret(rng, 48)),
    Form(
        "key: AWS id", "key", lambda rng: "AKIA" + _signs(rng, 14, string.ascii_uppercase) + _digits(rng, 2)
    ),
    Form("key: GitHub", "key", lambda rng: "ghp_" + _secret(rng, 36)),
    Form("key: JWT", "key", lambda rng: f"eyJ{_secret(rng, 20)}.eyJ{_secret(rng, 60)}.{_secret(rng, 43)}"),
    Form(
        "key: PEM",
        "key",
        lambda rng: (
            f"-----BEGIN PRIVATE KEY-----\n{_secret(rng, 64)}\n{_secret(rng, 64)}\n-----END PRIVATE KEY-----"
        ),
    ),
    Form(
        "key: assigned",
        "key",
        lambda rng: _secret(rng, rng.randint(20, 40)),
        ("api_key = '{}'", "export API_KEY={}", '"token": "{}"', "client_secret: {}", "password={}"),
    ),
    Form(
        "key: password in a link",
        "key",
        lambda rng: _secret(rng, 12),
        ("postgres://app:{}@db.firm.org/x", "ftp://ann:{}@files.firm.org"),
    ),
    Form("email", "email", _email),
    Form(
        "email: linked",
        "email",
        _email,
        ("<{}>", "mailto:{}", "[mail]({})", "Ann <{}>,", "E-Mail:{}", "to={}&cc="),
    ),
    *(Form(f"iban: {c}", "iban", _iban(c, p)) for c, p in IBANS.items()),
    *(Form(f"iban: {c}, grouped", "iban", _grouped(_iban(c, p), 4, " ")) for c, p in IBANS.items()),
    Form("card: Visa", "card", _drawn_until(_template("4###############"), checksums.card)),
    Form(
        "card: grouped",
        "card",
        _grouped(_drawn_until(_any_template("4###############", "51##############"), checksums.card), 4, " "),
    ),
    Form(
        "card: dashes", "card", _grouped(_drawn_until(_template("6011############"), checksums.card), 4, "-")
    ),
    Form("card: American Express", "card", _drawn_until(_template("37## ###### #####"), checksums.card)),
    Form("national_id: US", "national_id", _drawn_until(_template("###-##-####"), checksums.us_ssn)),
    Form(
        "national_id: DE",
        "national_id",
        _drawn_until(_any_template("N##########", "N# ### ### ###"), checksums.german_tax_id),
    ),
    Form(
        "national_id: ES",
        "national_id",
        _drawn_until(
            _any_template("########X", "########-X"),
            lambda v: v[-1] not in "IOUÑ" and checksums.spanish_dni(v),
        ),
    ),
    Form("national_id: FR", "national_id", _nir),
    Form("national_id: IT", "national_id", _fiscal_code),
    Form(
        "national_id: BR", "national_id", _drawn_until(_template("###.###.###-##"), checksums.brazilian_cpf)
    ),
    Form(
        "national_id: PL",
        "national_id",
        _drawn_until(lambda rng: _date(rng) + _digits(rng, 5), checksums.polish_pesel),
    ),
    Form(
        "national_id: SE",
        "national_id",
        _drawn_until(lambda rng: f"{_date(rng)}-{_digits(rng, 4)}", checksums.swedish_personal_number),
    ),
    Form("national_id: GB", "national_id", _any_template("AB######C", "JC ## ## ## A")),
    Form("phone: international", "phone", _any_template(*DIALLED)),
    Form("phone: national form", "phone", _any_template(*NATIONAL)),
    Form("phone: local, called", "phone", _any_template(*LOCAL), CALLS),
    Form(LOCAL_BARE, "phone", _any_template(*LOCAL)),
    Form("ip: v4", "ip", _public_ip),
    Form(
        "ip: v4 in a link or log",
        "ip",
        _public_ip,
        ("http://{}/x", "{}:8080", "[{}] GET /", "ping {} -c 4", "{},", "host={}"),
    ),
    Form(
        "ip: v6",
        "ip",
        lambda rng: (
            f"2a00:{_signs(rng, 4, '123456789abcdef')}:{_signs(rng, 4, '123456789abcdef')}::{rng.randint(1, 99)}"
        ),
    ),
)


def _broken(draw: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    """Return a draw with its last sign made another one, so that the check digit is wrong."""

    def broken(rng: random.Random) -> str:
        value = draw(rng)
        return value[:-1] + (
            str((int(value[-1]) + 1) % 10) if value[-1].isdecimal() else "A" if value[-1] != "A" else "B"
        )

    return broken


def _number(low: int, high: int) -> Callable[[random.Random], str]:
    return lambda rng: f"{rng.randint(low, high):,}"


NEGATIVE = (
    Form(
        "not: version",
        None,
        _any_template(
            "v#.#.#.#", "version 1#.#.#.#", "1.##.#", "Chrome/1##.0.6###.1##", "nginx/1.#.#.1", "2.#.#-rc#"
        ),
    ),
    Form("not: ISBN", None, _any_template("ISBN 978-3-16-######-#", "ISBN 0-###-#####-#", "978#########")),
    Form("not: hash", None, lambda rng: _signs(rng, rng.choice((7, 12, 40, 64)), "0123456789abcdef")),
    Form(
        "not: UUID", None, lambda rng: "-".join(_signs(rng, n, "0123456789abcdef") for n in (8, 4, 4, 4, 12))
    ),
    Form(
        "not: DOI", None, _any_template("10.1000/###", "doi:10.1038/s#####-0##-#####-#", "arXiv:23##.#####")
    ),
    Form(
        "not: price",
        None,
        _any_template("$#,###,###.##", "#.###,## €", "USD ########", "12 x 1##.## = 1###.##"),
    ),
    Form(
        "not: sum",
        None,
        _any_template(
            "##*###=<<##*###=####>>####",
            "#### - ### - ### = ####",
            "2000-400-200=1400",
            "(###+###)/2",
            "12 345 678 + 1",
        ),
    ),
    Form("not: large number", None, _number(10**6, 10**12)),
    Form(
        "not: date and time",
        None,
        _any_template(
            "20##-1#-0#", "20##-1#-0#T12:##:##Z", "0#.1#.20##", "1#/0#/20##", "0#/20## - 1#/20##", "12:##:##"
        ),
    ),
    Form("not: timestamp", None, _any_template("16########", "17###########", "20##0101T12####")),
    Form("not: coordinates", None, _any_template("4#.####, -7#.####", "-33.######,151.######", "#°##'##\"N")),
    Form(
        "not: ports and lists",
        None,
        _any_template(
            "8080,8443,9090",
            "[##, ##, ##, ##]",
            "0100 0101 1100 0110",
            "### ###",
            "1.0 2.0 3.0 4.0",
            "0900 1000 1100 1200",
        ),
    ),
    Form(
        "not: private IP",
        None,
        _any_template(
            "192.168.#.##",
            "10.#.#.##",
            "127.0.0.1",
            "172.16.#.#",
            "8.8.8.8",
            "203.0.113.#",
            "0.0.0.0",
            "255.255.255.0",
            "::1",
            "fe80::#",
        ),
    ),
    Form("not: section", None, _any_template("section #.#.#.#", "clause 1.#.#.#", "fig. #.#", "§ #.#.#.#")),
    Form(
        "not: nobody's e-mail",
        None,
        _any_template(
            "user@example.com",
            "test##@example.org",
            "you@gmail.com",
            "root@localhost",
            "git@github.com",
            "me@domain.com",
        ),
    ),
    Form(
        "not: code with @",
        None,
        _any_template("@app.route", "W@x.T", "@#", "foo@1.2.#", "react@18.#.#", "a @ b.c", "@user_##"),
    ),
    Form(
        "not: nobody's phone",
        None,
        _any_template("555-01##", "(212) 555-01##", "+1 415 555 01##", "123-456-7890"),
    ),
    Form("not: IBAN, wrong check", None, _broken(_iban("DE", IBANS["DE"]))),
    Form(
        "not: card, wrong check",
        None,
        _broken(_grouped(_drawn_until(_template("4###############"), checksums.card), 4, " ")),
    ),
    Form(
        "not: national id, wrong check",
        None,
        _broken(
            _drawn_until(
                _any_template("N##########", "###.###.###-##", "########X"),
                lambda v: (
                    checksums.brazilian_cpf(v)
                    if len(v) == 11 and v.isdecimal()
                    else len(v) == 9 and v[-1] not in "IOU" and checksums.spanish_dni(v)
                ),
            )
        ),
    ),
    Form(
        "not: order or part number",
        None,
        _any_template(
            "order ########", "XX-####-##", "SKU XXX######", "#####-######", "ticket #######", "ID ##########"
        ),
    ),
    Form(
        "not: placeholder key",
        None,
        _any_template(
            "your_api_key_here",
            "YOUR_API_KEY",
            "sk-...",
            "<token>",
            "xxxxxxxxxxxxxxxxxxxx",
            "changeme1234567890abc",
        ),
        ("api_key = '{}'", "token: {}", "password={}", "export KEY={}"),
    ),
    Form(
        "not: name behind a key word",
        None,
        lambda rng: "_".join(rng.choices(WORDS, k=4)),
        ("token = {}(x)", "secret: {}", "api_key={}"),
    ),
    Form("not: slug", None, lambda rng: "sk-" + "-".join(rng.choices(WORDS, k=4))),
    Form(
        "not: link with a port",
        None,
        _any_template("https://firm.org:80##/a@b", "http://host:8080/", "redis://:6379", "s3://bucket/a:b@c"),
    ),
)
