"""What CONTRIBUTING shows is added exactly as shown, in a folder of its own, and used end to end."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from tests import tiny
from tests.drafts import make_draft, small_lines
from tests.reading import read_bytes
from tilth.curation import rules as rule_package
from tilth.curation import stage as stages
from tilth.curation.reading import formats as format_package
from tilth.shards.errors import SourceError, UsageError
from tilth.shards.store import Store
from tilth.training import methods as method_package
from tilth.training import monitors as monitor_package
from tilth.training.evaluation import metric as metrics
from tilth.training.evaluation import metrics as metric_package
from tilth.training.methods import method as methods
from tilth.training.monitors import monitor as monitors
from tilth.training.plan.plan import plan
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, Task
from tilth.training.run.journal import read
from tilth.training.train import train
from tilth.validators.report import read_facts
from tilth.workbench import commands as command_package
from tilth.workbench.commands import curate, tilth
from tilth.workbench.recipes.keys import recipe_keys
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.recipes.schema import recipe_schema
from tilth.workbench.reference import commands_page

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


def snippet(path: str) -> str:
    """Return the Python that CONTRIBUTING shows for a file."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    found = re.search(rf"^`{re.escape(path)}`:\n\n```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"CONTRIBUTING shows no {path}"
    return found[1]


def add(package: ModuleType, path: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the snippet of `path` to a folder that the registry of `package` looks in too."""
    folder.mkdir()
    (folder / Path(path).name).write_text(snippet(path), encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])


@pytest.fixture(autouse=True)
def _keys_made_anew() -> Iterator[None]:
    """Let no test see, or leave behind, keys of a recipe that were made with or without what it adds."""
    recipe_keys.cache_clear()
    recipe_schema.cache_clear()
    yield
    recipe_keys.cache_clear()
    recipe_schema.cache_clear()


@pytest.fixture
def with_shouting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(stages, "_REGISTRY", dict(stages.registry()))
    stages.registry.cache_clear()
    add(rule_package, "curation/rules/shouting.py", tmp_path / "added", monkeypatch)
    yield
    stages.registry.cache_clear()
    sys.modules.pop("tilth.curation.rules.shouting", None)


@pytest.mark.usefixtures("with_shouting")
def test_a_rule_is_one_file(tmp_path: Path) -> None:
    said = [
        "IT STANDS BEHIND THE STOVE.",
        "It stands by the NAS.",
        "12 + 30",
        "ОНА СТОИТ У ОКНА.",
        "它在窗边。",
    ]
    lines = [json.dumps({"prompt": f"Where is thing {n}?", "response": text}) for n, text in enumerate(said)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: n\nsources: [{path: rows.jsonl}]\ntraining: {base: base}\n")

    def curated(*words: str) -> dict[str, Any]:
        done = CliRunner().invoke(curate.main, [str(recipe), "--json", *words])
        assert done.exit_code == 0, done.output
        return read_facts(Path(json.loads(done.stdout)["page"]))

    tags = {tag["reason"]: tag["rows"] for tag in curated()["tags"]}
    assert tags["shouting"] == 2
    dropped = curated("--set", "curation.shouting.verdict=drop")["taken"]
    assert [(line["stage"], line["reason"], line["lines"]) for line in dropped] == [
        ("shouting", "shouting", 2)
    ]
    bound = CliRunner().invoke(curate.main, [str(recipe), "--what-if", "shouting.verdict=drop", "--json"])
    assert json.loads(bound.stdout)["kept"] == {"before": 3, "after": 3}, bound.output
    assert "shouting" in CliRunner().invoke(tilth.main, ["stages"]).output
    recipe.write_text(recipe.read_text() + "curation: {shoutin: null}\n")
    assert "did you mean 'shouting'" in CliRunner().invoke(curate.main, [str(recipe)]).stderr


@pytest.fixture
def with_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    format_package.formats.cache_clear()
    add(format_package, "curation/reading/formats/records.py", tmp_path / "added", monkeypatch)
    yield
    format_package.formats.cache_clear()


@pytest.mark.usefixtures("with_records")
def test_a_format_is_one_file(tmp_path: Path) -> None:
    data = b"prompt: Q1\nresponse: A1\n\nprompt: Q2\nresponse: A2\n"
    reading = read_bytes(tmp_path, data, "rows.rec")
    assert reading.texts() == [["Q1", "A1"], ["Q2", "A2"]]
    assert {".rec", ".rec.gz"} <= set(format_package.suffixes())


@pytest.fixture
def with_unmoved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(monitors, "_MONITORS", dict(monitors.registry()))
    monitors.registry.cache_clear()
    add(monitor_package, "training/monitors/unmoved.py", tmp_path / "added", monkeypatch)
    yield
    monitors.registry.cache_clear()
    sys.modules.pop("tilth.training.monitors.unmoved", None)


@pytest.mark.usefixtures("with_unmoved")
def test_a_monitor_is_one_file(tmp_path: Path, store: Store) -> None:
    lines = tiny.sums(300)
    # Held-out rows ask for what no other row does: a word that the withheld ones never answer with.
    lines = [
        replace(line, answer="the lazy dog") if line.decision["split"] == "feedback" else line
        for line in lines
    ]
    recipe = tiny.make_recipe(tiny.save_base(tmp_path / "base"), merge=False, twin_folds=(0, 1), epochs=2)
    run = train(Request(tiny.make_version(store, lines), recipe, base_dir=tmp_path), store)
    shown = [m for m in read_facts(run.run_dir / "report.html")["monitors"] if m["monitor"] == "unmoved"]
    assert {m["slice"] for m in shown} == {"odd", "even", ""}
    (whole,) = [m for m in shown if m["slice"] == ""]
    assert (whole["finding"], whole["proposes"]) == (
        "noted",
        "look at the rows: is there anything to learn in them?",
    )
    assert "unmoved" in {line.get("monitor") for line in read(run.run_dir / "metrics.jsonl")}
    header, _, _ = store.feedback(str(run.feedback_digest))
    assert header.monitors["unmoved"] == "1"
    assert "unmoved" in {finding["monitor"] for finding in header.findings}


@pytest.fixture
def with_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(metrics, "_METRICS", dict(metrics.registry()))
    metrics.registry.cache_clear()
    add(metric_package, "training/evaluation/metrics/number.py", tmp_path / "added", monkeypatch)
    yield
    metrics.registry.cache_clear()
    sys.modules.pop("tilth.training.evaluation.metrics.number", None)


@pytest.mark.usefixtures("with_number")
def test_a_metric_is_one_file(tmp_path: Path, store: Store) -> None:
    (tmp_path / "sums.jsonl").write_text(
        "".join(f'{{"prompt": "how much is {n} plus 2?", "response": "{n + 2}"}}\n' for n in range(4))
    )
    (tmp_path / "words.jsonl").write_text('{"prompt": "1 plus 2?", "response": "three"}\n')
    recipe_file = tmp_path / "recipe.yaml"
    text = "name: n\nsources:\n  - path: sums.jsonl\nevaluation:\n  tasks:\n    - {path: sums.jsonl, metric: number}\n"
    recipe_file.write_text(text)
    assert load(recipe_file).evaluation.tasks[0].metric == "number"
    recipe_file.write_text(text.replace("number", "numbr"))
    with pytest.raises(UsageError, match=r"recipe.yaml:6: .*did you mean 'number'"):
        load(recipe_file)
    recipe = tiny.make_recipe(tiny.save_base(tmp_path / "base"), merge=False, max_steps=1)
    version = tiny.make_version(store)

    def judged(path: str) -> Request:
        task = Task(path=path, metric="number", max_new_tokens=8)
        return Request(version, recipe, EvaluationRecipe(tasks=(task,), few_shot=0), base_dir=tmp_path)

    with pytest.raises(SourceError, match=r"words.jsonl:1: the reference holds no number"):
        train(judged("words.jsonl"), store)
    (line,) = read_facts(train(judged("sums.jsonl"), store).run_dir / "report.html")["tasks"]
    assert (line["metric"], line["items"]) == ("number", 4)
    score = metrics.registry()["number"].score
    assert (score("so it is 1,002.", "1002"), score("no idea", "3")) == (1.0, 0.0)


@pytest.fixture
def with_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    add(command_package, "workbench/commands/sources.py", tmp_path / "added", monkeypatch)
    yield
    sys.modules.pop("tilth.workbench.commands.sources", None)


@pytest.mark.usefixtures("with_sources")
def test_a_command_is_one_file(store: Store) -> None:
    version = store.publish("n", make_draft(small_lines()))[0]

    def typed(*words: str) -> str:
        done = CliRunner().invoke(tilth.main, list(words))
        assert done.exit_code == (2 if "nowhere" in words else 0), done.output
        return done.output

    counted = str(len(version.occurrences()))
    assert counted in typed("sources", version.short, "--store", str(store.root))
    assert json.loads(typed("sources", "n.candidate", "--json", "--store", str(store.root))) == {
        "src": int(counted)
    }
    assert "Count the lines that each source of a version gave." in typed("--help")
    assert "no version or ref" in typed("sources", "nowhere", "--store", str(store.root))
    assert "## tilth sources" in commands_page()


@pytest.fixture
def with_ia3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(methods, "_REGISTRY", dict(methods.registry()))
    methods.registry.cache_clear()
    add(method_package, "training/methods/ia3.py", tmp_path / "added", monkeypatch)
    yield
    methods.registry.cache_clear()
    sys.modules.pop("tilth.training.methods.ia3", None)


@pytest.mark.usefixtures("with_ia3")
def test_a_method_is_one_file(tmp_path: Path, store: Store) -> None:
    version, base = tiny.make_version(store), tiny.save_base(tmp_path / "base")
    recipe = tiny.make_recipe(base, method="ia3", rate=0.1, epochs=2)
    expected = plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)
    assert 0 < expected.trainable < expected.parameters / 50 and expected.merge_bytes
    done = train(Request(version, recipe, base_dir=tmp_path), store)
    assert done.tuned.loss < done.base.loss
    assert (done.run_dir / "merged" / "model.safetensors").is_file()
    assert read_facts(done.run_dir / "report.html")["method"] == "ia3"
    refused = tmp_path / "recipe.yaml"
    text = f"name: n\nsources: [{{path: x}}]\ntraining:\n  base: {base}\n  method: ia33\n"
    refused.write_text(text)
    with pytest.raises(UsageError, match=r"recipe\.yaml:5: training\.method.*did you mean 'ia3'"):
        load(refused)
    refused.write_text(text.replace("ia33", "ia3") + "  retention: {interpolate: true}\n")
    with pytest.raises(UsageError, match=r"recipe\.yaml:6: training\.retention\.interpolate"):
        load(refused)
