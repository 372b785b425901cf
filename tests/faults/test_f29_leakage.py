"""Class 29: secrets in rows, in the environment and in the recipe stay out of what is printed, logged and listed.

Rows may be read in the objects of a store, in its cache, in the answers of a run, and by `tilth explain` of the
row that is asked for: nowhere else. What this class also asks, that no byte of a row is left after it was erased, is
tested beside the command (tests/workbench/retraction/test_erase.py).
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from tests.workbench.conftest import Done, question
from tilth.curation.rules.length import Length

Run = Callable[..., Done]

PLAIN = [f"zanubrik{n:02d}" for n in range(20)]  # words that no pattern could know
KEYS = [f"sk-{'Q7w9Xc2LmN4p' * 2}{n:02d}Zr8" for n in range(10)]
MAILS = [f"quorvex{n:02d}@tarnwick-post.org" for n in range(10)]
PRIVATE = [*KEYS, *MAILS]
ENVIRONMENT = {
    "HF_TOKEN": "hf_envsecret00",
    "AWS_SECRET_ACCESS_KEY": "envsecret01",
    "OPENAI_API_KEY": "sk-envsecret02",
    "TARNWICK_PASSWORD": "envsecret03",
    "WANDB_API_KEY": "envsecret04",
}
IN_RECIPE = [f"recipesecret{n:02d}" for n in range(5)]  # comments, and the folder it lies in
MEASURE = Length.measure
READABLE = ("objects", "cache", "feedback")  # folders below a store that hold rows
ANSWERS = ("answers.jsonl", "answers.html")


def rows() -> Iterator[str]:
    """Yield lines of every fate: kept, dropped, repeated, quarantined, unreadable; all with secrets."""
    for n in range(120):
        row = question(n)
        row["messages"].insert(0, {"role": "system", "content": f"You help {PLAIN[n % 20]}."})
        row["messages"][1]["content"] += f" The word is {PLAIN[n % 20]}, the key {KEYS[n % 10]}."
        row["messages"][2]["content"] += f" Write to {MAILS[n % 10]} or ask {PLAIN[(n + 7) % 20]}."
        row["password"] = PLAIN[n % 20]
        yield json.dumps(row)
        if n % 9 == 0:
            yield json.dumps(row)
            yield json.dumps(
                {**row, "messages": [*row["messages"][:2], {"role": "assistant", "content": " "}]}
            )
            yield json.dumps(row)[:-9]
            yield json.dumps({PLAIN[n % 20]: KEYS[n % 10]})
            yield json.dumps({"messages": [{"role": PLAIN[n % 20], "content": PLAIN[n % 20]}]})
            yield f'{{"messages": "{PLAIN[0]}", "messages": "{KEYS[0]}"}}'
            yield f'"{PLAIN[n % 20]} {KEYS[n % 10]}"'


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe in a folder and an environment full of secrets."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = tmp_path / IN_RECIPE[0]
    folder.mkdir()
    (folder / "rows.jsonl").write_text("\n".join(rows()), encoding="utf-8")
    task = {"prompt": f"who is {PLAIN[3]}?", "response": PLAIN[4]}
    (folder / "tasks.jsonl").write_text(json.dumps(task) + "\n")
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"# {IN_RECIPE[1]}\nname: desk\nsources:\n  - path: rows.jsonl  # {IN_RECIPE[2]}\n"
        "curation: {slice_by: [topic], split: {feedback: 0.05, promotion: 0.05}, language: null}\n"
        f"training:  # {IN_RECIPE[3]}\n  base: base\n  max_steps: 2\n  batch_tokens: 256\n  pack_tokens: 256\n"
        "  reload: false\n  device: cpu\n  retention: {samples: 0}\n"
        f"# {IN_RECIPE[4]}\n"
    )
    return recipe


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function of what commands ended with: all that they said, printed and logged."""
    caplog.set_level(logging.DEBUG)

    def everything(*done: Done) -> str:
        printed = capfd.readouterr()
        return "".join([*(d.out + d.err for d in done), caplog.text, printed.out, printed.err])

    return everything


def assert_silent(text: str, what: str, secrets: list[str]) -> None:
    found = [secret for secret in secrets if secret in text]
    assert not found, f"{what} holds {found[:3]}"


ROWS = [*PLAIN, *PRIVATE]
ALWAYS = [*ENVIRONMENT.values(), *IN_RECIPE[1:]]  # what no file and no screen may hold


def assert_store_is_silent(store: Path, pages: list[str]) -> None:
    """Assert that files which list or describe hold no row, no environment, no recipe and no path of the machine.

    pages: which secrets the pages may not hold either.
    """
    for path in store.rglob("*"):
        if not path.is_file():
            continue
        text, name = path.read_bytes().decode("utf-8", "replace"), str(path.relative_to(store))
        assert_silent(text, name, ALWAYS)
        if path.name.startswith("report."):
            assert_silent(text, name, pages)
        elif path.relative_to(store).parts[0] not in READABLE and path.name not in ANSWERS:
            assert_silent(text, name, ROWS)
        if path.parent.name == "versions":
            assert_silent(text, name, IN_RECIPE)


def test_looking_at_a_store_says_nothing_of_its_rows(
    run: Run, desk: Path, said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.parent)
    first = run("curate", desk.name)
    assert first.code == 0, first.err
    dropped = desk.parent / "rows.jsonl"
    dropped.write_text(dropped.read_text() + "\n" + json.dumps(question(700)))
    second = run("curate", desk.name, "--json", "--set", "curation.length={max_chars: 150, verdict: drop}")
    assert second.code == 0, second.err
    new = second.json["id"]
    old = second.json["parent"]
    done = [
        first,
        second,
        run("curate", desk.name, "--dry-run"),
        run("curate", desk.name, "--set", "curation.length={max_chars: 150, verdict: drop}",
            "--what-if", "length.max_chars=100", "--json"),
        run("validate", desk.name),
        run("validate", "rows.jsonl"),
        run("validate", "rows.jsonl", "--json"),
        run("tilth", "doctor", "rows.jsonl", "--out", "doctor"),
        run("tilth", "show", new),
        run("tilth", "show", new, "--json"),
        run("tilth", "log"),
        run("tilth", "log", "--json"),
        run("tilth", "diff", old, new),
        run("tilth", "diff", old, new, "--json"),
        run("tilth", "verify"),
        run("tilth", "gc", "--dry-run"),
        run("tilth", "rollback", "desk"),
    ]  # fmt: skip
    assert [d.code for d in done] == [0, 0, 0, 0, 0, 3, 3, *[0] * 10], [d.err for d in done]
    assert_silent(said(*done), "what the commands said", [*ROWS, *ALWAYS])
    assert_store_is_silent(desk.parent / ".tilth", PRIVATE)
    pages = [path.read_text() for path in desk.parent.glob(".tilth/reports/*/report.html")]
    assert len(pages) == 2 and all("[KEY_1]" in page for page in pages), "no page shows a redacted example"
    for page in (desk.parent / "doctor").iterdir():
        assert_silent(page.read_text(), page.name, [*PRIVATE, *ALWAYS])
    asked = run("tilth", "explain", "rows.jsonl:1")
    assert PLAIN[0] in asked.out
    assert_silent(asked.out + asked.err, "explain", [*PRIVATE, *ALWAYS, *PLAIN[8:]])
    unread = run("tilth", "explain", "rows.jsonl:4")
    assert_silent(unread.out + unread.err, "explain", ROWS)


def test_no_examples_means_no_text_at_all(run: Run, desk: Path, said: Callable[..., str]) -> None:
    done = run("curate", desk, "--set", "report.examples=0", "--set", "curation.pii=null")
    assert done.code == 0, done.err
    assert_silent(said(done), "what curate said", ROWS)
    (page,) = (desk.parent / ".tilth").glob("reports/*/report.json")
    assert json.loads(page.read_bytes())["taken"]
    assert_store_is_silent(desk.parent / ".tilth", ROWS)


def raising(self: Length, turns: pl.DataFrame) -> pl.DataFrame:
    if turns.height:
        raise ValueError(f"cannot judge {turns['text'][0]}")
    return MEASURE(self, turns)


def test_errors_of_curate_hold_no_text(
    run: Run, desk: Path, said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk.parent
    (folder / "torn.jsonl").write_text(f'{{"prompt": "{PLAIN[1]}", "response": "{KEYS[1]}')
    (folder / "odd.jsonl").write_text(json.dumps({"a": PLAIN[2], "b": KEYS[2]}))
    (folder / "headless.csv").write_text(f"{PLAIN[0] * 40},{KEYS[0] * 9}\n" * 3)
    done = [
        run("curate", desk, "--set", "curation.decontaminate=[torn.jsonl]"),
        run("curate", desk, "--set", "curation.decontaminate=[odd.jsonl]"),
        run("curate", desk, "--set", "curation.slice_by=[nothing]"),
        run("validate", folder / "torn.jsonl"),
        run("validate", folder / "odd.jsonl"),
        run("tilth", "doctor", folder / "torn.jsonl"),
    ]
    assert all(d.code in (1, 2, 3) for d in done), [d.code for d in done]
    headless = run("validate", folder / "headless.csv")
    assert headless.code == 2 and len(headless.err) < 600
    monkeypatch.setattr(Length, "measure", raising)
    shutil.rmtree(folder / ".tilth" / "cache")  # what was measured before is not measured again
    done.append(run("curate", desk))
    assert done[-1].code == 1 and "raised ValueError" in done[-1].err
    assert_silent(said(*done), "the errors of curate", [*ROWS, *ALWAYS])
    assert_store_is_silent(folder / ".tilth", ROWS)


def test_training_says_nothing_of_its_rows(run: Run, desk: Path, said: Callable[..., str]) -> None:
    folder = desk.parent
    assert run("curate", desk, "--set", "report.examples=0").code == 0
    missing = run("train", desk, "--set", "training.base=nowhere")
    tiny.save_base(folder / "base")
    done = [missing, run("train", desk, "--plan"), run("train", desk)]
    assert [d.code for d in done[1:]] == [0, 0], [d.err for d in done]
    weights = folder / "base" / "model.safetensors"
    spoiled = {name: torch.full_like(value, torch.nan) for name, value in load_file(weights).items()}
    save_file(spoiled, weights, {"format": "pt"})
    done.append(run("train", desk))
    template = "{{ raise_exception('no ' + messages[0].content) }}"
    (folder / "template.jinja").write_text(template)
    tiny.save_base(folder / "base")
    done.append(run("train", desk, "--set", "training.template=template.jinja"))
    evaluation = [
        "--version",
        "desk.candidate",
        "--set",
        "evaluation.tasks=[{path: tasks.jsonl, metric: exact}]",
    ]
    for line in (
        f'{{"prompt": "{PLAIN[3]}',
        json.dumps({"messages": [{"role": "user", "content": PLAIN[3]}]}),
    ):
        (folder / "tasks.jsonl").write_text(line)
        done.append(run("train", desk, *evaluation))
    assert [d.code for d in (missing, *done[3:])] == [2, 1, 2, 1, 1], [d.err for d in (missing, *done[3:])]
    assert_silent(said(*done), "what train said", [*ROWS, *ALWAYS])
    assert_store_is_silent(folder / ".tilth", ROWS)


def test_the_detector_sees_what_a_command_prints(run: Run, desk: Path, said: Callable[..., str]) -> None:
    print(PLAIN[0])
    logging.getLogger("anything").warning(KEYS[0])
    assert [PLAIN[0] in (heard := said()), KEYS[0] in heard] == [True, True]
