"""The base domain of Tarnwick: what the base model has read, and the documents that watch over retention.

Sentences say in plain words who handles what, who holds which locker, what numbers make, and how dates are
written. They hold every skill that the tasks need and none of the tasks' questions.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tilth.data.making.lexicon import LANGUAGES
from tilth.data.making.words import Words, capitalised

SENTENCES = range(2, 6)  # of one kind after another, in one document


def documents(rng: Random, count: int) -> list[str]:
    """Return documents of the base domain, languages and kinds in random order."""
    return [document(Words(rng, rng.choice(LANGUAGES))) for _ in range(count)]


def document(words: Words) -> str:
    """Return a few sentences of one language."""
    return " ".join(sentence(words) for _ in range(words.pick(SENTENCES)))


def sentence(words: Words) -> str:
    """Return one sentence or a note of two or three."""
    kinds, weights = zip(*_KINDS)
    return capitalised(words.rng.choices(kinds, weights)[0](words))


def _fill(words: Words, key: str, **slots: str) -> str:
    return words.pick(words.lexicon.documents[key]).format(**words.slots() | slots)


def desk(words: Words) -> str:
    return _fill(words, "desk", desk=words.lexicon.desks[words.desk()])


def case(words: Words) -> str:
    """What somebody wrote, and which desk took it."""
    kind = words.desk()
    issue = words.issue(kind, **words.slots())
    return _fill(words, "case", issue=issue, desk=words.lexicon.desks[kind])


def register(words: Words) -> str:
    """Three lockers, and one of them again."""
    people, lockers = words.names(3), [str(n) for n in words.rng.sample(range(10, 100), 3)]
    i = words.rng.randrange(3)
    return _fill(
        words, "register", **dict(zip("xyz", people)), **dict(zip("abc", lockers)), q=people[i], m=lockers[i]
    )


def roster(words: Words) -> str:
    """Three shifts, and one of them again."""
    people, days = words.names(3), words.rng.sample(words.lexicon.days, 3)
    i = words.rng.randrange(3)
    slots = dict(zip("xyz", people)) | dict(zip(("d1", "d2", "d3"), days))
    return _fill(words, "roster", **slots, q=days[i], m=people[i])


def note(words: Words) -> str:
    return _fill(words, "note")


def number(words: Words) -> str:
    """A product or a sum."""
    price, count = words.rng.randrange(2, 10), words.rng.randrange(2, 7)
    kind, total = words.pick((("times", price * count), ("plus", price + count)))
    goods = words.pick(words.lexicon.goods)[1]
    return _fill(words, kind, p=str(price), k=str(count), t=str(total), goods=goods)


def figures(words: Words) -> str:
    """A date, a weight or a length in figures."""
    kind = words.pick(("date", "weight", "length"))
    if kind == "date":
        date, iso = words.date()
        return _fill(words, kind, date=date, iso=iso)
    count = words.rng.randrange(2, 60)
    return _fill(words, kind, n=str(count), t=str(count * (1000 if kind == "weight" else 100)))


def label(words: Words) -> str:
    return _fill(words, "label")


def remark(words: Words) -> str:
    """What people write to a desk, without an answer."""
    text = words.say(words.pick(("opening", "detail", "polite", "order")), **words.slots())
    return text if text.endswith(".") else f"{text}."


def recitation(words: Words, pairs: int) -> str:
    """Pairs such as a name and a locker, read out round after round in changing order."""
    count, form = words.pick(range(2, 7)), words.pick(("{} {}", "{}: {}", "{} – {}"))
    both = words.pick(
        (
            ("name", "n"),
            ("n", "name"),
            ("name", "order"),
            ("order", "name"),
            ("order", "place"),
            ("item", "n"),
        )
    )
    slots = [words.slots() for _ in range(count)]
    entries = list({s[both[0]]: form.format(*(s[key] for key in both)) for s in slots}.values())
    rounds = -(-pairs // len(entries))
    read = [", ".join(words.rng.sample(entries, len(entries))) for _ in range(rounds)]
    return ". ".join(read) + "."


_KINDS: tuple[tuple[Callable[[Words], str], int], ...] = (
    (desk, 1),
    (case, 4),
    (register, 4),
    (roster, 3),
    (note, 4),
    (number, 3),
    (figures, 4),
    (label, 1),
    (remark, 4),
)
