"""An Ollama Modelfile: where the weights lie, how a conversation is written, where an answer stops.

Chat templates are Jinja programs, Ollama's are Go templates. Most families only put marks around turns: then the
marks are read off rendered conversations and checked on others. What is more than that is not translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from tilth.shards.errors import TrainingError
from tilth.training.rows.template import Unrenderable
from tilth.training.rows.text import Renderer

MARKS = {"system": "SysSentinel", "user": "UseSentinel", "assistant": "AssSentinel"}
CHECKED = ("u", "su", "uau", "suau", "uauau")
ROLES = {"s": "system", "u": "user", "a": "assistant"}
GO_MARKS = ("{{", "}}", '"""')


@dataclass(frozen=True)
class Turns:
    """What stands around each role's turns, what opens an answer, and how a text begins."""

    around: dict[str, tuple[str, str]]
    opening: str
    start: str = ""  # the token that begins a text: runners add it themselves

    def write(self, messages: list[dict[str, str]]) -> str:
        """Return a conversation up to where the answer begins."""
        said = [m["content"].join(self.around[m["role"]]) for m in messages]
        return self.start + "".join(said) + self.opening

    def go(self) -> str:
        """Return the same as a Go template over Ollama's .Messages."""
        branches = [
            f'{{{{ {"else if" if number else "if"} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
            for number, (role, (before, after)) in enumerate(self.around.items())
        ]
        return f"{{{{ range .Messages }}}}{''.join(branches)}{{{{ end }}}}{{{{ end }}}}{self.opening}"


def modelfile(renderer: Renderer, weights: list[str], stops: list[str]) -> str:
    """Return a Modelfile. weights: its FROM and ADAPTER lines. stops: the texts that end an answer."""
    turns = turns_of(renderer)
    lines = [*weights, ""]
    if turns is None:
        lines += [
            "# The chat template of this model does more than put marks around turns and has no TEMPLATE here;",
            "# a GGUF made from the merged weights carries it (tilth gguf), and llama.cpp reads it there.",
        ]
    else:
        lines += ["# Plain turns; tools are not part of this TEMPLATE.", f'TEMPLATE """{turns.go()}"""']
    lines += [f'PARAMETER stop "{stop}"' for stop in stops if stop.strip() and '"' not in stop]
    return "\n".join(lines) + "\n"


def turns_of(renderer: Renderer) -> Turns | None:
    """Return the marks around turns, or None where the template is more than marks, or prints today's date."""
    if "strftime_now" in str(renderer.template.source):
        return None
    try:
        found = _read_off(renderer)
    except (Unrenderable, TrainingError, ValueError):
        return None
    texts = [found.opening, *(mark for pair in found.around.values() for mark in pair)]
    if any(mark in text for text in texts for mark in GO_MARKS):
        return None
    for pattern in CHECKED:
        roles = [ROLES[letter] for letter in pattern]
        if not set(roles) <= found.around.keys():
            continue
        messages = [{"role": role, "content": f"{role} says {n}."} for n, role in enumerate(roles)]
        try:
            if renderer.template.text(messages, None, prompt=True) != found.write(messages):
                return None
        except Unrenderable:
            return None
    return found


def _read_off(renderer: Renderer) -> Turns:
    """Return the marks as three conversations show them. Raises ValueError where they cannot be told apart."""
    bos = renderer.tokenizer.bos_token or ""
    asked = renderer.template.text(_sentinels("user"), None, prompt=False)
    start = bos if bos and asked.startswith(bos) else ""
    before, after = asked[len(start) :].split(MARKS["user"])
    around = {"user": (before, after)}
    opened = renderer.template.text(_sentinels("user"), None, prompt=True)
    answered = renderer.template.text(_sentinels("user", "assistant"), None, prompt=False)
    for longer, shorter in pairwise([opened, asked]):
        if not longer.startswith(shorter) or not answered.startswith(shorter):
            raise ValueError("turns change what stands before them")
    before, after = answered[len(asked) :].split(MARKS["assistant"])
    around["assistant"] = (before, after)
    try:
        told = renderer.template.text(_sentinels("system", "user"), None, prompt=False)[len(start) :]
        plain = asked[len(start) :]
        if not told.endswith(plain):
            raise ValueError("a system turn changes the turn after it")
        before, after = told[: -len(plain)].split(MARKS["system"])
        around = {"system": (before, after), **around}
    except Unrenderable:
        pass  # this template knows no system turn
    return Turns(around, opened[len(asked) :], start)


def _sentinels(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": MARKS[role]} for role in roles]
