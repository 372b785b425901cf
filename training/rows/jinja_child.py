"""A process that renders chat templates and can do nothing else: `jinja.py` starts it, this file is its program.

A template comes with a downloaded base. In the sandbox that transformers uses it reaches neither files nor code, yet it
may loop for ever or ask for gigabytes; here the kernel ends it, and the run goes on to say so. It reads lines of JSON
({"source", "data"}; without a source the last one holds) and answers each with {"text"}, {"refused": its own words} or
{"beyond": which bound}. It imports nothing of ours: it is run by its path, isolated from the user's environment.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from datetime import datetime
from typing import Any

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

# Templates that print today's date would change between two runs: their clock is stopped.
STOPPED_CLOCK = datetime(2024, 7, 26, 12, 0)
MAX_WORDS_CHARS = 300


class GenerationMarks(Extension):
    """The {% generation %} block of transformers: what it holds is written as it stands."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Any) -> Any:
        """Return the nodes between the two tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class Namespace(jinja2.utils.Namespace):
    """A namespace without names that begin with an underscore, as transformers has it."""

    def __init__(*args: Any, **values: Any) -> None:
        self, args = args[0], args[1:]
        for name in dict(*args, **values):
            _require_public(name)
        jinja2.utils.Namespace.__init__(self, *args, **values)

    def __setitem__(self, name: str, value: Any) -> None:
        _require_public(name)
        super().__setitem__(name, value)


class Dictionary:
    """`dict`, without the attributes of the class."""

    def __call__(self, *args: Any, **values: Any) -> dict[Any, Any]:
        return dict(*args, **values)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        """Return dict.fromkeys of the arguments."""
        return dict.fromkeys(*args)


def environment() -> ImmutableSandboxedEnvironment:
    """Return the environment in which transformers renders chat templates, its clock stopped."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationMarks, loopcontrols]
    )
    made.filters["tojson"] = _to_json
    made.globals |= {
        "raise_exception": _raise,
        "strftime_now": STOPPED_CLOCK.strftime,
        "dict": Dictionary(),
        "namespace": Namespace,
    }
    return made


def main(seconds: float, max_bytes: int, max_chars: int) -> None:
    """Answer until the input ends. A request that takes more processor time ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))
    templates, template, source = environment(), None, ""
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            if "source" in request:
                source, template = request["source"], None
                template = templates.from_string(source)
            assert template is not None
            text = template.render(request["data"])
            answer = {"text": text} if len(text) <= max_chars else {"beyond": "length"}
        except (MemoryError, OverflowError):
            answer = {"beyond": "memory"}
        except RecursionError:
            answer = {"beyond": "depth"}
        except Exception as error:
            answer = {"refused": _words(error, source)}
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _words(error: Exception, source: str) -> str:
    """Return what an error says, as far as it stands in the template: the rest may be text of a row."""
    said = str(error)
    if type(error) is not jinja2.TemplateError:  # not `raise_exception`
        of_jinja = isinstance(error, jinja2.TemplateError | TypeError)
        return f"{type(error).__name__}: {said}"[:MAX_WORDS_CHARS] if of_jinja else type(error).__name__
    for end in range(min(len(said), MAX_WORDS_CHARS), 0, -1):
        if said[:end] in source:
            return said[:end] + ("" if end == len(said) else "…")
    return type(error).__name__


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def _require_public(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"no name of a namespace begins with an underscore: {name!r}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
