"""Everything a run learns about its data: the loop's only view of the monitors.

The loop calls `add_step` after every micro batch, `evaluate` whenever `due` says so (step 0, the untouched
model, included) and `finish` once with the best weights restored. What is learned leaves as two frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES, Finding
from tilth.shards.tables import conform
from tilth.training.evaluation.intervals import Estimate, clustered_mean
from tilth.training.evaluation.panels import EvaluationPlan, Track, draw, plan_evaluations
from tilth.training.methods.method import method_of
from tilth.training.monitors import decoys, outside, validation_burn
from tilth.training.monitors.collapse import effective_rows
from tilth.training.monitors.dynamics import Dynamics
from tilth.training.monitors.monitor import listen, name_of
from tilth.training.monitors.observations import Observations, Past, Planted, Rows
from tilth.training.monitors.outside import Outside
from tilth.training.monitors.signal import Signal
from tilth.training.run import evaluation_records, mixture, verdicts
from tilth.training.run.stopping import reason_to_stop

if TYPE_CHECKING:
    from tilth.training.model.loss import TokenLoss
    from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
    from tilth.training.rows.canaries import Canaries
    from tilth.training.rows.pack import Batch
    from tilth.training.rows.text import Example

# What is asked of a slice beside what its line in the feedback says: the header carries it.
ASKED_OF_SLICES = (Finding.COVERAGE_GAP, Finding.SLICE_COLLAPSE)
FORGETTING = "forgetting"  # the monitor for which more of the base's domain is replayed
REPLAY_STEP, MAX_REPLAY = (
    0.02,
    0.2,
)  # of the tokens: more at an evaluation that finds forgetting, and the most
HELD_OUT = ("feedback", "twin", "probe")  # the panels that can stand for rows to come, best first


@dataclass(frozen=True)
class Evaluated:
    """What one evaluation asks of the loop."""

    stop: bool
    best: bool  # the lowest held-out loss so far: keep these weights
    mixture: dict[str, float] | None  # for the steps until the next evaluation; None: as before
    replay: float  # share of the tokens of the steps to come that are of the base's domain
    records: list[dict[str, Any]]  # for metrics.jsonl
    findings: list[Signal]


@dataclass(frozen=True)
class Watched:
    """The rows that a run looks at: those it trains on, those withheld, held out, and known to its base.

    groups: row_id -> conversation or source, for bounds that count groups instead of rows. canaries: planted among
    the train rows, None for none. past: what the records of earlier runs of the name say. replays: whether there are
    rows of the base's domain to replay. states: row_id -> what the untuned base makes of a question.
    """

    train: list[Example]
    twin: list[Example]
    feedback: list[Example]
    base_knowledge: list[Example]
    groups: Mapping[bytes, str] | None = None
    canaries: Canaries | None = None
    past: Past = field(default_factory=Past)
    replays: bool = False
    states: Mapping[bytes, np.ndarray] = field(default_factory=dict)


class Learning:
    """Dynamics of the rows, fixed panels, monitors and the mixture of one run."""

    def __init__(
        self,
        rows: Watched,
        recipe: TrainingRecipe,
        evaluation: EvaluationRecipe,
        *,
        seed: int,
        total_steps: int,
    ) -> None:
        train = [e for e in rows.train if e.weight > 0]
        self.recipe, self.seed, self.total_steps = recipe, seed, total_steps
        self.method = method_of(recipe)
        self.slices = sorted({e.slice for e in train})
        self.train, self.twin = train, [e for e in rows.twin if e.slice in set(self.slices)]
        self.dynamics = Dynamics(train, self.slices)
        self.canaries, self.past, self.states = rows.canaries, rows.past, rows.states
        self.effective_rows = _effective_rows(train)
        of_panel = {
            "probe": (train, self.slices),
            "twin": (self.twin, self.slices),
            "feedback": (rows.feedback, self.slices),
            "base": (rows.base_knowledge, sorted({e.slice for e in rows.base_knowledge})),
        }
        self.plan: EvaluationPlan = plan_evaluations(of_panel, recipe, evaluation, total_steps)
        self.tracks = {
            name: Track(draw(name, examples, slices, self.plan.rows_per_slice, rows.groups))
            for name, (examples, slices) in of_panel.items()
        }
        # What the method measures of a row beside its loss, on the same rows.
        self._aspects = {
            f"{name} {aspect}": (name, aspect) for name in HELD_OUT for aspect in self.method.aspects
        }
        self.tracks |= {key: Track(self.tracks[name].panel) for key, (name, _) in self._aspects.items()}
        self.curated = _token_shares(train, self.slices)
        self.p = self.curated.copy()
        self.replay = recipe.retention.replay if rows.replays else 0.0
        self.evaluations: list[dict[str, Any]] = []  # {"step", "tokens", "loss"}
        self.slice_lines: list[dict[str, Any]] = []  # FEEDBACK_SLICES
        self.run_findings: list[dict[str, Any]] = []
        # by monitor and slice: its last signal, or the last that fired
        self.last_signals: dict[str, dict[str, Any]] = {}
        self.judged: pl.DataFrame | None = None  # FEEDBACK_ROWS without text digests, after `finish`
        self.kept: np.ndarray | None = None  # loss of each row of the base panel under the final weights
        self.gained: np.ndarray | None = (
            None  # change of each row of the feedback panel under the final weights
        )
        self.drift: dict[str, float] = {}  # as FeedbackHeader.promotion_drift
        self.stopped_by = ""  # why the run stopped before its last step

    def due(self, step: int) -> bool:
        """Tell whether to evaluate after `step` steps; always before the first and after the last."""
        return step in self.plan.steps and step not in {e["step"] for e in self.evaluations}

    def add_step(self, batch: Batch, losses: TokenLoss) -> None:
        """Add the losses of one micro batch to the statistics of its rows."""
        self.dynamics.add(batch, losses)

    def evaluate(self, model: Any, step: int, tokens_seen: int) -> Evaluated:
        """Measure the panels and let every monitor speak."""
        for name, track in list(self.tracks.items()):
            if name not in self._aspects:
                scores = self.method.score(model, track.panel.examples, self.recipe.pack_tokens)
                track.add(scores)
                self._add_aspects(name, scores)
        loss = self._held_out_loss()
        best = not self.evaluations or loss < min(e["loss"] for e in self.evaluations)
        self.evaluations.append({"step": step, "tokens": tokens_seen, "loss": loss})
        signals = listen(self._observed())
        self._remember(signals, step)
        self.slice_lines += evaluation_records.slice_lines(
            self.evaluations, self.tracks, self.dynamics, self.slices, signals
        )
        fired = [s for s in signals if s.fired]
        self.run_findings += [{**s.to_dict(), "step": step} for s in fired if _of_the_run(s)]
        records = self._records(signals)
        update = self._next_mixture(signals, step, tokens_seen)
        if update is not None:
            records.append(evaluation_records.mixture_record(step, self.slices, self.curated, update))
            self.p = update.p
        may_stop = self.recipe.early_stop and step < self.total_steps
        self.stopped_by = self._reason_to_stop(signals) if may_stop else ""
        self._raise_replay(signals)
        return Evaluated(
            stop=bool(self.stopped_by),
            replay=self.replay,
            best=best,
            mixture=None if update is None else dict(zip(self.slices, self.p.tolist())),
            records=records,
            findings=fired,
        )

    def _add_aspects(self, panel: str, scores: pl.DataFrame) -> None:
        """Append to the tracks of a panel's aspects what its scores say of them."""
        for key, (name, aspect) in self._aspects.items():
            if name == panel and f"{aspect}_nll" in scores.columns:
                columns = {"nll_sum": f"{aspect}_nll", "n_tokens": f"{aspect}_tokens"}
                self.tracks[key].add(scores.select(**{to: pl.col(of) for to, of in columns.items()}))

    def _held_out_loss(self) -> float:
        """Mean feedback loss of the slices by curated share; where there is none, of a stand-in."""
        means = (self._mean(self.tracks[name]) for name in HELD_OUT)
        return next((mean for mean in means if math.isfinite(mean)), math.nan)

    def _mean(self, track: Track) -> float:
        """Mean loss of the slices of a panel by their curated share; nan where it has no row."""
        losses = np.array([track.loss(code)[0] for code in range(len(self.slices))])
        known = np.isfinite(losses)
        if not known.any():
            return math.nan
        return float(losses[known] @ self.curated[known] / self.curated[known].sum())

    def standing(self, model: Any) -> tuple[float, float | None]:
        """Return the held-out loss of a model as it is now, and by how much it forgot (None: not measured)."""

        def measured(name: str) -> Track:
            track = Track(self.tracks[name].panel)
            examples, most = track.panel.examples, self.recipe.pack_tokens
            track.add(self.method.score(model, examples, most, statistics=False))
            return track

        held = next(name for name in HELD_OUT if self.tracks[name].panel.row_ids)
        base, of_held = self.tracks["base"], measured(held)
        if held == "feedback" and len(self.tracks[held].history):
            self.gained = of_held.history[-1] - self.tracks[held].history[0]
        if not base.panel.row_ids or not len(base.history):
            return self._mean(of_held), None
        self.kept = measured("base").history[-1]
        return self._mean(of_held), float((self.kept - base.history[0]).mean())

    def _reason_to_stop(self, signals: list[Signal]) -> str:
        trained = self.tracks["probe"].history.mean(axis=1)
        return reason_to_stop(signals, np.array([e["loss"] for e in self.evaluations]), trained)

    def _raise_replay(self, signals: list[Signal]) -> None:
        """Replay more of the base's domain where the run forgets and replays at all."""
        if self.replay and any(s.finding is Finding.FORGETTING and s.monitor == FORGETTING for s in signals):
            self.replay = round(max(self.replay, min(MAX_REPLAY, self.replay + REPLAY_STEP)), 6)

    def _observed(self, **at_the_end: Any) -> Observations:
        """Return what there is to see; at_the_end: what comes after the last step."""
        return Observations(
            self.tracks,
            self.dynamics,
            self.slices,
            past=self.past,
            effective_rows=self.effective_rows,
            seed=self.seed,
            **at_the_end,
        )

    def _records(self, signals: list[Signal]) -> list[dict[str, Any]]:
        """Return what metrics.jsonl keeps of the last evaluation."""
        now = self.evaluations[-1]
        first = [evaluation_records.panels_record(self.plan, self.tracks, now["step"])]
        return [
            *(first if len(self.evaluations) == 1 else []),
            evaluation_records.evaluation_record(now, self.tracks, self.slices),
            *evaluation_records.monitor_records(signals, now["step"]),
        ]

    def _next_mixture(self, signals: list[Signal], step: int, tokens_seen: int) -> mixture.Update | None:
        if not self.recipe.mixture or len(self.slices) < 2 or len(self.evaluations) < 3:
            return None
        slopes = [
            mixture.theil_sen(self.tracks["feedback"].of_slice(code)[0]) for code in range(len(self.slices))
        ]
        findings = {(s.slice, s.finding) for s in signals}
        return mixture.update(
            mixture.Evidence(
                curated=self.curated,
                current=self.p,
                drawn_tokens=self.dynamics.drawn_tokens,
                unique_tokens=self.dynamics.unique_tokens,
                slope=np.array([s for s, _ in slopes]),
                slope_se=np.array([e for _, e in slopes]),
                overfit=np.array([(name, Finding.OVERFIT) in findings for name in self.slices]),
                memorising=np.array([(name, Finding.MEMORISING) in findings for name in self.slices]),
                tokens_left=tokens_seen / max(1, step) * max(0, self.total_steps - step),
            )
        )

    def _remember(self, signals: list[Signal], step: int | None) -> None:
        for signal in signals:
            key = f"{signal.monitor} {signal.slice or ''}"
            if signal.fired or not self.last_signals.get(key, {}).get("fired"):
                self.last_signals[key] = {**signal.to_dict(), "step": step, "fired": signal.fired}

    def finish(self, model: Any, promoted: Estimate | None = None) -> list[Signal]:
        """Score every row seen or withheld, decoys and canaries, with the final weights; return what was found.

        Costs one forward pass over these rows: a run shorter than a pass judges what it has seen. promoted: the mean
        change of loss on promotion rows.
        """
        self.standing(model)
        wrong = decoys.make(self.twin, self.train)
        seen = [e for e in self.train if self.dynamics.saw(e.row_id)]
        read = seen + self.twin
        of_rows = self.method.score(model, read, self.recipe.pack_tokens)
        of_decoys = self.method.score(model, wrong, self.recipe.pack_tokens)
        questions = {example.row_id: example.input_ids[~example.is_label] for example in read + wrong}
        rows = verdicts.by_row(of_rows, self.dynamics.frame())
        gains = self._gains(promoted)
        signals = listen(
            self._observed(
                rows=Rows(rows, of_decoys, questions, self._from_outside()),
                canaries=self._planted(model),
                promotion=gains,
            )
        )
        if gains is not None:
            self.drift = validation_burn.measure(gains, self.past, self.seed).record()
        withheld = [e.row_id for e in self.twin]
        self.judged = verdicts.feedback_rows(rows, verdicts.found_of_rows(signals), withheld)
        self._remember(signals, None)
        fired = [s for s in signals if s.fired]
        self.run_findings += [*self._asked_of_slices(), *(s.to_dict() for s in fired)]
        return fired

    def _from_outside(self) -> Outside | None:
        """Return what the other rows say of each row's answer, None where answers are open."""
        return outside.judge(self.states, outside.answers_of(self.train + self.twin))

    def _asked_of_slices(self) -> list[dict[str, Any]]:
        """Return what the last evaluation asks of slices."""
        last = self.evaluations[-1]["step"] if self.evaluations else -1
        return [
            {key: value for key, value in signal.items() if key != "fired"}
            for _, signal in sorted(self.last_signals.items())
            if signal["fired"] and signal["step"] == last and signal["finding"] in ASKED_OF_SLICES
        ]

    def _gains(self, promoted: Estimate | None) -> tuple[Estimate, Estimate] | None:
        """Return the mean change of loss on promotion and on feedback rows, where both were measured."""
        if promoted is None or self.gained is None:
            return None
        return promoted, clustered_mean(self.gained, self.tracks["feedback"].panel.cluster_of)

    def _planted(self, model: Any) -> Planted | None:
        """Return the losses of the canaries and of their references, None where none were planted."""
        if self.canaries is None:
            return None
        canaries = self.canaries
        scores = self.method.score(
            model, canaries.planted + canaries.references, self.recipe.pack_tokens, statistics=False
        )
        losses = (scores["nll_sum"] / scores["n_tokens"]).to_numpy()
        copies = np.array([round(example.weight) for example in canaries.planted])
        return Planted(losses[: len(copies)], copies, losses[len(copies) :])

    def feedback_frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return FEEDBACK_ROWS (without text digests) and FEEDBACK_SLICES."""
        slices = conform(pl.DataFrame(self.slice_lines, infer_schema_length=None), FEEDBACK_SLICES)
        rows = FEEDBACK_ROWS.to_frame() if self.judged is None else self.judged
        return verdicts.rounded(rows), verdicts.rounded(slices)

    @property
    def alpha_spent(self) -> float:
        """The error probability that the tests of one monitor so far have used; each used as much."""
        return sum(0.05 * 6 / (math.pi**2 * t**2) for t in range(1, len(self.evaluations)))

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: numpy arrays and plain JSON values, by name."""
        return {
            **{f"dynamics.{name}": array for name, array in self.dynamics.state_dict().items()},
            **{f"history.{name}": track.history for name, track in self.tracks.items()},
            **{f"tokens.{name}": track.tokens for name, track in self.tracks.items()},
            "p": self.p,
            "evaluations": self.evaluations,
            "slice_lines": self.slice_lines,
            "run_findings": self.run_findings,
            "last_signals": self.last_signals,
            "stopped_by": self.stopped_by,
            "replay": self.replay,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken; the rows and recipes are those given at construction."""
        self.dynamics.load_state_dict(
            {k.removeprefix("dynamics."): v for k, v in state.items() if k.startswith("dynamics.")}
        )
        for name, track in self.tracks.items():
            track.history = np.array(state[f"history.{name}"], dtype=np.float64)
            track.tokens = np.array(state[f"tokens.{name}"], dtype=np.float64)
        self.p = np.array(state["p"], dtype=np.float64)
        self.evaluations = list(state["evaluations"])
        self.slice_lines = list(state["slice_lines"])
        self.run_findings = list(state["run_findings"])
        self.stopped_by = state.get("stopped_by", "")
        self.replay = state.get("replay", self.replay)
        kept = state["said"] if "said" in state else state["last_signals"]  # as checkpoints before called it
        self.last_signals = {
            f"{name_of(signal['monitor'])} {signal['slice'] or ''}": {
                **signal,
                "monitor": name_of(signal["monitor"]),
            }
            for signal in kept.values()
        }


def _of_the_run(signal: Signal) -> bool:
    """Tell whether a finding belongs into the header of the record: the lines of slices do not carry it."""
    return signal.slice is None or signal.finding is Finding.NOTED


def _token_shares(examples: list[Example], slices: list[str]) -> np.ndarray:
    code = {name: i for i, name in enumerate(slices)}
    shares = np.zeros(len(slices))
    for example in examples:
        shares[code[example.slice]] += example.weight * len(example.input_ids)
    return shares / max(1e-12, shares.sum())


def _effective_rows(examples: list[Example]) -> dict[str, float]:
    """Return (sum w)^2 / sum w^2 of the rows of each slice."""
    of_row = {example.row_id: (example.slice, example.weight) for example in examples}
    names = sorted({name for name, _ in of_row.values()})
    return {
        name: round(effective_rows(np.array([w for of, w in of_row.values() if of == name])), 3)
        for name in names
    }
