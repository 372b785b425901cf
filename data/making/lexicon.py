"""The words of the invented town of Tarnwick: what is shared by all languages, and the form of a lexicon.

Slots in phrases are filled by `tasks.py` and `documents.py`: {name}, {name2} first names, {place} a quarter,
{day}, {month}, {hour} 1..12, {n} 10..99, {order} an order number such as K4718, {item}/{my_item} something
that can be mended, {lost} something that can be lost, {desk} the name of a desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module

LANGUAGES = ("en", "de", "fr", "es")
DESKS = ("repairs", "parcels", "billing", "lockers", "lost", "permits")


def listed(text: str) -> tuple[str, ...]:
    """Return the words of `text`."""
    return tuple(text.split())


NAMES = listed(
    "Ana Piet Ida Mara Jonas Lena Tomas Nora Emil Clara Hugo Vera Oskar Rosa Felix Irma Bruno Greta Luis "
    "Marta Anton Sofia David Elena Karl Paula Simon Julia Viktor Laura Oliver Emma Martin Carla Stefan Alice "
    "Robert Ines Daniel Helena Adrian Olga Gustav Diana Leo Nina Rafael Selma"
)
PLACES = listed(
    "Aldermo Brinvale Corvane Dunmere Estrin Falloby Garnel Hestmar Ilvero Jorvik Kestrel Lomara Morwen "
    "Nerith Oswin Pellam"
)
ORDER_LETTERS = "BCDFGHKLMNPRSTVW"


@dataclass(frozen=True)
class Lexicon:
    """Everything the generator can say in one language."""

    lang: str
    days: tuple[str, ...]
    months: tuple[str, ...]
    items: tuple[tuple[str, str], ...]  # ("kettle", "my kettle")
    lost: tuple[str, ...]  # "my scarf", in the case that `issues["lost"]` needs
    goods: tuple[tuple[str, str], ...]  # ("stamp", "stamps")
    crowns: str
    desks: dict[str, str]
    issues: dict[str, tuple[str, ...]]  # desk -> clauses that belong to it
    phrases: dict[str, tuple[str, ...]]
    documents: dict[str, tuple[str, ...]]


@cache
def lexicon(lang: str) -> Lexicon:
    """Return the lexicon of one of LANGUAGES."""
    return import_module(f"tilth.data.making.lexicon_{lang}").LEXICON
