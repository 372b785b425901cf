"""What a run leaves to be served: weights, what stands beside them, and a way to check a server against them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.shards.atomic import write_file
from tilth.shards.digest import canonical_json
from tilth.training.evaluation.evaluate import LoadedTask
from tilth.training.evaluation.generation import stop_ids
from tilth.training.evaluation.judge import Judgement
from tilth.training.export.card import model_card
from tilth.training.export.export import export
from tilth.training.export.fresh import Reread, reread
from tilth.training.export.merge import Merged, merge
from tilth.training.export.modelfile import modelfile
from tilth.training.plan.job import Job
from tilth.validators.facts.run import Artefact, RunFacts

MODELFILE, CHECK, CARD = "Modelfile", "check.json", "README.md"


@dataclass(frozen=True)
class Artefacts:
    """The folders written, best to serve last; `merged` and `reread` are None where the run left them out."""

    folders: list[Path]
    merged: Merged | None
    reread: Reread | None

    def lines(self) -> list[Artefact]:
        """Return the lines of the run page."""
        found = [
            Artefact(
                name=folder.name,
                bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
                note="loaded again, it gives the loss of the model in memory",
            )
            for folder in self.folders
        ]
        if self.merged is not None:
            found = [line for line in found if line["name"] != "merged"]
            kept = self.merged.folder
            size = sum(f.stat().st_size for f in kept.rglob("*") if f.is_file()) if kept else 0
            found.append(Artefact(name="merged", bytes=size, note=self.merged.note))
        if self.reread is not None:
            found[-1 if self.merged and self.merged.folder else 0]["note"] += (
                f"; a fresh process read it and answered, {self.reread.kl:.1e} nat/token away"
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what run.json keeps."""
        return {
            "folders": [folder.name for folder in self.folders],
            "merged_kl": self.merged.kl if self.merged else None,
            "fresh_process": self.reread.to_dict() if self.reread else None,
        }


def write_artefacts(job: Job, model: Any, held: LoadedTask | None, tuned: Judgement) -> Artefacts:
    """Write the adapter or model, for a watched run also what servers want, and read back what was written.

    Raises TrainingError if files do not load as trained.
    """
    recipe, renderer = job.recipe, job.renderer
    template = renderer.template.source if recipe.template else None
    is_adapter = job.method.frozen_base
    folder = job.run_dir / job.method.artefact
    export(job.method, model, renderer.tokenizer, folder, job.base, job.roles.train, template)
    if held is None:
        return Artefacts([folder], None, None)
    merged = None
    if is_adapter and recipe.merge:
        rows = job.roles.promotion or job.roles.feedback or job.roles.train
        merged = merge(model, renderer.tokenizer, folder, job.base, job.run_dir / "merged", rows, template)
    folders = [folder, merged.folder] if merged and merged.folder else [folder]
    served = folders[-1]
    again = None
    if recipe.reload:
        onto = job.base if is_adapter and served is folder else None
        again = reread(model, served, onto, held, renderer.max_tokens)
    stops = [str(renderer.tokenizer.decode([i])) for i in stop_ids(model, renderer.tokenizer)]
    from_lines = [f"FROM ./{served.name}"]
    if is_adapter and served is folder:
        from_lines = [f"FROM {job.recipe.base}", f"ADAPTER ./{served.name}"]
    write_file(job.run_dir / MODELFILE, modelfile(renderer, from_lines, stops).encode("utf-8"))
    write_file(job.run_dir / CHECK, canonical_json(_check(job, held, tuned)))
    return Artefacts(folders, merged, again)


def write_cards(job: Job, artefacts: Artefacts, facts: RunFacts) -> None:
    """Write the model card into every folder of weights."""
    card = model_card(job, facts).encode("utf-8")
    for folder in artefacts.folders:
        write_file(folder / CARD, card)


def _check(job: Job, held: LoadedTask, tuned: Judgement) -> dict[str, Any]:
    """Return the prompts with what the tuned model says to them, greedily, for `tilth check`."""
    return {
        "run_id": job.run_id,
        "max_new_tokens": held.max_new_tokens,
        "prompts": [
            {
                "messages": question.item.messages,
                "tools": question.item.tools,
                "prompt_ids": question.prompt_ids,
                "answer": answer,
            }
            for question, answer in zip(held.questions, tuned.held)
        ],
    }
