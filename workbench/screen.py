"""What reaches a terminal: nothing in a text, a path or a server's reply can steer it or be taken for markup."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.segment import Segment

from tilth.validators.wording import visible

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType

# JSON leaves these as they are; some terminals obey them (C1 controls), others reorder by them.
_STEERS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Screen(Console):
    """The console of every command: characters that cannot be seen are shown as one that can."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render what is printed, with every control character in its text replaced."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def plain_json(text: str) -> str:
    """Return JSON that means the same and in which nothing can steer a terminal."""
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown(text: object) -> str:
    """Return a name that came from a file or a folder, for a line of markup: on one line, and as it is written."""
    return escape(one_line(str(text)))


def one_line(text: str) -> str:
    """Return a name on one line: as it is, or in quotes with its line ends spelled out."""
    return visible(json.dumps(text, ensure_ascii=False) if any(mark in text for mark in "\n\r\t") else text)


def argument(text: object) -> str:
    """Return a word of a command that can be pasted into a shell."""
    return shlex.quote(str(text))
