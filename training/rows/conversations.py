"""Conversations to pieces that are learned or read, through a template of which is known what it passes over."""

from __future__ import annotations

from typing import Any

from tilth.training.rows.probe import DISPENSABLE, Part, Probe, Traits, traits_of
from tilth.training.rows.template import ChatTemplate, Layout, Unrenderable

REMEDIES = ({"system": "fold"}, {"tools": "drop"}, {"system": "fold", "tools": "drop"})


class Conversations:
    """Lays out conversations. A row that loses more than it can do without has no layout, and the reason says so."""

    def __init__(self, template: ChatTemplate) -> None:
        self.template = template
        self._probe = Probe(template)
        self._advice: dict[tuple[str, Traits], str] = {}

    def layouts(
        self, turns: list[dict[str, Any]], tools: list[dict] | None
    ) -> tuple[list[Layout], frozenset[Part]]:
        """Return the pieces of every example of a conversation (TURNS columns), and what none of them shows.

        Raises Unrenderable with the reason, and the key of the recipe that would help where there is one.
        """
        messages = self.template.messages(turns)
        tools = self.template.offered(tools)
        try:
            return _laid_out(self._probe, messages, tools)
        except Unrenderable as error:
            reason = str(error)
        known = reason, traits_of(messages, tools)
        if known not in self._advice:
            self._advice[known] = self._remedy(turns, tools)
        raise Unrenderable(reason + self._advice[known])

    def _remedy(self, turns: list[dict[str, Any]], tools: list[dict] | None) -> str:
        """Return which key makes a refused conversation one that can be trained on, or nothing."""
        for keys in REMEDIES:
            other = self.template.changed(**keys)
            try:
                if _laid_out(Probe(other), other.messages(turns), other.offered(tools))[0]:
                    named = " and ".join(f"training.{key}: {value}" for key, value in keys.items())
                    return f" (with {named} it can be learned)"
            except Unrenderable:
                continue
        return ""


def _laid_out(
    probe: Probe, messages: list[dict[str, Any]], tools: list[dict] | None
) -> tuple[list[Layout], frozenset[Part]]:
    layouts = probe.template.layouts(messages, tools)
    if not layouts:
        raise Unrenderable("no assistant turn")
    hidden = probe.hidden(messages, tools)
    lost = sorted(hidden - DISPENSABLE)
    if lost:
        raise Unrenderable(f"the template does not write {' and '.join(lost)}")
    return layouts, hidden
