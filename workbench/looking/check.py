"""tilth check URL: does a server say what the run said?

At the end of a run the tuned model answers a few prompts greedily. A server that loads the files rightly gives the
same answers: to the prompts as token ids (its weights), and to the messages (its chat template too). Where two tokens
are nearly tied another runtime may choose the other one, so a few answers may differ.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tilth.shards.errors import ChecksFailed, TilthError, UsageError
from tilth.workbench.looking.runs import artefact_of
from tilth.workbench.server import NoReply, ask

if TYPE_CHECKING:
    from rich.console import Console

UNSUPPORTED = {400, 404, 405, 415, 422, 501}
TIMEOUT_S = 300
EXCERPT_CHARS = 40


@dataclass(frozen=True)
class Route:
    """One way of asking: how many answers were the same, and where the first other one parts. None: not offered."""

    name: str
    asked: int
    same: int
    first: str


def ask_server(run_dir: Path, url: str, model: str | None) -> tuple[str, list[Route]]:
    """Ask every stored prompt in both ways and return the model's name and what came of them.

    Raises UsageError for no address, TilthError for a server that does not answer or offers neither way.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"URL {url}", "not an address", "Nothing was sent", "say: http://127.0.0.1:8000/v1")
    url = url.rstrip("/")
    stored = json.loads(artefact_of(run_dir, "check.json").read_bytes())
    if not stored["prompts"]:
        raise UsageError(f"run {run_dir.name}", "stored no prompts: its version holds out no conversation")
    named = model or _first_model(url)
    same = {"model": named, "temperature": 0, "max_tokens": stored["max_new_tokens"]}
    routes = [_route(name, url, same, stored["prompts"]) for name in ("completions", "chat/completions")]
    offered = [route for route in routes if route is not None]
    if not offered:
        raise TilthError(
            url, "offers neither completions nor chat completions", "Nothing was compared", "check the URL"
        )
    return named, offered


def show(screen: Console, model: str, routes: list[Route]) -> None:
    """Print how many answers were the same, and where the first other one parts."""
    for route in routes:
        screen.print(f"{route.name}: {route.same} of {route.asked} answers of {escape(model)} are the same")
        if route.first:
            screen.print(f"  {escape(route.first)}")


def as_dict(model: str, routes: list[Route]) -> dict[str, Any]:
    """Return the comparison as plain JSON values."""
    return {"model": model, "routes": [asdict(route) for route in routes]}


def require_same(url: str, routes: list[Route], allowed: int) -> None:
    """Raise ChecksFailed if more than `allowed` answers differ in one of the ways."""
    for route in routes:
        different = route.asked - route.same
        if different > allowed:
            raise ChecksFailed(
                url,
                f"{different} of {route.asked} answers through {route.name} differ, {allowed} may",
                "It does not serve what was measured",
                "Compare weights, chat template and stop tokens with those in the run's folder",
            )


def _route(name: str, url: str, same: dict[str, Any], prompts: list[dict[str, Any]]) -> Route | None:
    """Ask every prompt in one way; None where the server does not offer it."""
    agreed, first = 0, ""
    for number, prompt in enumerate(prompts, 1):
        is_chat = name.startswith("chat")
        body = _chat(prompt) if is_chat else {"prompt": prompt["prompt_ids"]}
        reply = _post(f"{url}/{name}", same | body)
        if reply is None:
            return None
        answer = _answer(reply, is_chat, url)
        if _is_same(answer, prompt["answer"]):
            agreed += 1
        elif not first:
            first = f"prompt {number}: {_parting(prompt['answer'], answer)}"
    return Route(name, len(prompts), agreed, first)


def _chat(prompt: dict[str, Any]) -> dict[str, Any]:
    """Return a prompt as chat completions take it: arguments of calls as JSON text."""
    messages = []
    for message in prompt["messages"]:
        calls = [
            {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
            for call in message.get("tool_calls", [])
        ]
        messages.append({**message, **({"tool_calls": calls} if calls else {})})
    return {"messages": messages, **({"tools": prompt["tools"]} if prompt["tools"] else {})}


def _answer(reply: Any, is_chat: bool, url: str) -> str:
    """Return what a reply says; calls that the server parsed out of it as JSON."""
    try:
        choice = reply["choices"][0]
        if not is_chat:
            return _text(choice["text"])
        message = choice["message"]
        calls = message.get("tool_calls")
        return json.dumps([call["function"] for call in calls]) if calls else _text(message["content"])
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise TilthError(
            url, "its reply is no completion", "Nothing was compared", "check the URL"
        ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str | None):
        raise TypeError("no text")
    return (value or "").strip()


def _is_same(answer: str, stored: str) -> bool:
    from tilth.training.evaluation.metrics.tool_call import calls_in

    return answer == stored or (bool(calls_in(stored)) and calls_in(answer) == calls_in(stored))


def _parting(stored: str, answer: str) -> str:
    shorter = min(len(stored), len(answer))
    at = next((i for i in range(shorter) if stored[i] != answer[i]), shorter)
    ours, theirs = (text[at : at + EXCERPT_CHARS] for text in (stored, answer))
    return f"from character {at} the run said {ours!r}, the server {theirs!r}"


def _first_model(url: str) -> str:
    """Return the name of the first model that a server lists: it is printed, so it must be a plain name."""
    try:
        name = ask(f"{url}/models", timeout_s=TIMEOUT_S)["data"][0]["id"]
        if not (isinstance(name, str) and name.isprintable()):
            raise NoReply("its first model has no name that can be shown")
        return name
    except (NoReply, KeyError, IndexError, TypeError) as error:
        why = error.what if isinstance(error, NoReply) else type(error).__name__
        raise TilthError(
            url,
            f"does not list its models ({why})",
            "Nothing was compared",
            "Start the server, or name the model with --model",
        ) from error


def _post(url: str, body: dict[str, Any]) -> Any:
    """Return the reply, None where the server does not know this request."""
    try:
        return ask(url, body, timeout_s=TIMEOUT_S)
    except NoReply as error:
        if error.status in UNSUPPORTED:
            return None
        raise TilthError(
            url, error.what, "Nothing was compared", "Mend it and run the same command again"
        ) from error
