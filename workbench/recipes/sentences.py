"""What the code says of a key: the entry of a docstring, or the comment on its line.

A docstring names keys at the beginning of a sentence: `rows, share: how many. per: within each value of a column.`
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Sequence
from itertools import zip_longest

# What a key of this name means wherever nothing else is said.
USUAL = {
    "verdict": "what becomes of a row that breaks the rule: `drop`, `quarantine`, or `keep`, which only tags it",
}


def sentences_of(cls: type, names: Sequence[str]) -> dict[str, str]:
    """Return what is said of each of these fields of a class; a field of which nothing is said is left out."""
    said = {name: USUAL[name] for name in names if name in USUAL}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith(("builtins", "pydantic", "typing")):
            continue
        said |= _entries(base, names) | comments_of(base, names)
    return {name: said[name] for name in names if name in said}


def first_sentence(thing: object) -> str:
    """Return the first sentence of a docstring on one line, without its full stop."""
    text = " ".join(inspect.cleandoc(getattr(thing, "__doc__", None) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.!?]) (?=[A-Z`])", text, maxsplit=1)[0].rstrip(".")


def _entries(cls: type, names: Sequence[str]) -> dict[str, str]:
    """Return the entries of a docstring: name -> what stands behind its colon, to the next name or paragraph."""
    any_name = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    if not any_name:
        return {}
    head = re.compile(rf"(?:^|(?<=[.;)] ))`?((?:{any_name})(?:(?:, | and | or )(?:{any_name}))*)`?: ")
    said: dict[str, str] = {}
    for paragraph in inspect.cleandoc(cls.__dict__.get("__doc__") or "").split("\n\n"):
        text = " ".join(line.removeprefix("- ") for line in paragraph.split("\n"))
        text = " ".join(text.split())
        found = list(head.finditer(text))
        for match, following in zip_longest(found, found[1:]):
            sentence = text[match.end() : following.start() if following else len(text)]
            for name in re.split(r", | and | or ", match[1]):
                said[name] = sentence.strip().rstrip(".;")
    return said


def comments_of(cls: type, names: Sequence[str]) -> dict[str, str]:
    """Return the comments on the lines of fields, or of the members of an enumeration: name -> comment."""
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return {}
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and "type: ignore" not in token.string
    }
    (tree,) = ast.parse(source).body
    said: dict[str, str] = {}
    for node in getattr(tree, "body", []):
        target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            (target, *_) = node.targets
        if isinstance(target, ast.Name) and target.id in names:
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            text = " ".join(comments[line] for line in lines if line in comments)
            if text:
                said[target.id] = text.rstrip(".")
    return said
