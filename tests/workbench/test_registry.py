"""Commands are found by their files being there, and say so where one is not."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from tests.workbench.conftest import Done
from tilth.workbench.commands import tilth
from tilth.workbench.registry import TOP, command_names, command_of

Run = Callable[..., Done]
# These print something that is no figure: a story, shell text, JSON as it is, or nothing but pages.
WITHOUT_JSON = {"demo", "init", "schema", "serve", "refresh emit", "refresh serve"}


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, by the words after `tilth`."""
    for name in command_names():
        command = command_of(name)
        if not isinstance(command, click.Group):
            yield name, command
        for sub in command_names(name):
            yield f"{name} {sub}", command_of(sub, name)


@pytest.mark.parametrize(("words", "command"), every_command(), ids=str)
def test_a_command_is_named_as_its_file_and_has_a_sentence(words: str, command: click.Command) -> None:
    assert command.name == words.rsplit(maxsplit=1)[-1]
    assert command.callback is not None
    module = importlib.import_module(command.callback.__module__)
    assert module.__name__.endswith("." + words.replace(" ", "_"))
    sentence = command.get_short_help_str(200)
    assert sentence and not sentence.endswith("...") and sentence[0].isupper()
    for param in command.params:
        if isinstance(param, click.Option) and param.name != "help":
            assert param.help, f"{words} {param.opts[0]} says nothing"
    assert words in WITHOUT_JSON or any("--json" in param.opts for param in command.params)


def test_a_subcommand_stands_beside_its_command() -> None:
    stems = {name.partition("_")[0] for name in command_names(TOP)}
    assert {"curate", "train", "validate", "refresh", "promote", "gc"} <= stems
    assert command_names("train") == ["embed", "final", "score"] and "run" in command_names("refresh")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["shwo"], "did you mean 'show'?"),
        (["trian", "recipe.yaml"], "did you mean 'train'?"),
        (["refresh", "rnu"], "did you mean 'run'?"),
        (["frobnicate"], "there are: "),
    ],
)
def test_an_unknown_command_is_refused_with_the_closest(words: list[str], hint: str) -> None:
    done = CliRunner().invoke(tilth.main, words)
    assert done.exit_code == 2 and hint in done.stderr


def test_the_four_commands_work_under_tilth_too(run: Run, recipe: object) -> None:
    made = run("tilth", "curate", recipe, "--json")
    assert made.code == 0 and made.json["published"]
    assert run("tilth", "validate", recipe).code == 0
    assert run("tilth", "refresh", "status", recipe, "--json").json["name"] == "desk"
    assert "--encoder" in run("tilth", "train", "embed", "--help").out
    assert "there is no 'training' section" in run("tilth", "train", recipe, "--plan").err


def test_a_number_that_would_do_harm_is_refused_with_its_range(run: Run, recipe: object) -> None:
    for words in (
        ("tilth", "gc", "--keep", -1),
        ("curate", recipe, "--rows", -3),
        ("train", recipe, "--seed", -1),
    ):
        done = run(*words)
        assert done.code == 2 and "not in the range x>=" in done.err


def completed(*words: str) -> list[str]:
    """Return what the shell would offer for the last of the words."""
    found = ShellComplete(tilth.main, {}, "tilth", "_TILTH_COMPLETE").get_completions(
        list(words[:-1]), words[-1]
    )
    return [one.value for one in found]


def test_a_shell_completes_commands_versions_names_stages_and_keys(run: Run, recipe: object) -> None:
    version = run("curate", recipe, "--json").json["id"]
    assert completed("ver") == ["verify"]
    assert completed("show", "") == sorted(["desk.candidate", version[:12]])
    assert completed("diff", version[:12], version[:4]) == [version[:12]]
    assert completed("promote", "de") == ["desk"]
    assert completed("stages", "ded") == ["dedup"]
    assert completed("compare", "") == []


def test_serving_is_a_command_and_the_refusal_names_it(run: Run, recipe: object) -> None:
    run("curate", recipe)
    unserved = run("tilth", "show", "desk")
    assert unserved.code == 2 and "tilth promote desk" in unserved.err
    first = run("tilth", "promote", "desk", "--json").json
    assert first["changed"] and first["before"] is None
    assert "served already" in run("tilth", "promote", "desk").out
    assert run("tilth", "show", "desk", "--json").json["id"] == first["version"]
    assert run("tilth", "promote", "nobody").code == 2


def test_a_failed_candidate_is_not_served(run: Run, recipe: object) -> None:
    assert run("curate", recipe, "--set", "checks.min_rows=1000").code == 3
    refused = run("tilth", "promote", "desk")
    assert refused.code == 3 and "min_rows" in refused.err


def test_the_list_of_commands_is_grouped_and_whole(run: Run) -> None:
    said = run("tilth", "--help").out
    assert said.index("Begin:") < said.index("  init ") < said.index("Make:") < said.index("  curate ")
    listed = [
        line.split()[0]
        for line in said.split("Begin:")[1].splitlines()
        if line[:3].strip() and line[:2] == "  "
    ]
    assert sorted(listed) == command_names()
    assert "Commands:" in run("refresh", "--help").out
