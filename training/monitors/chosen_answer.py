"""The chosen answers of preference pairs: a pair may be preferred ever more surely while both its answers fade.

The loss of a pair sees only how far its answers lie apart. These monitors look at the loss of the chosen one alone, on
the same rows and by the same tests as those of answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from tilth.shards.feedback import Finding
from tilth.training.monitors import forgetting, twin_gap, validation_rise
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import Signal

REMEDY = "raise training.dpo.sft_weight or training.dpo.beta, or lower the rate"
ABOUT = "chosen answers: "


@monitor("chosen_twin_gap")
class ChosenTwinGap:
    """Chosen answers that are trained on become likelier while withheld ones do not."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("probe", "twin")
    proposes: ClassVar[Mapping[Finding, str]] = {Finding.MEMORISING: "fewer passes, or a lower rate"}

    def examine(self, observations: Observations) -> list[Signal]:
        """Test all pairs together; say nothing where no pairs are trained on."""
        if not _are_pairs(observations):
            return []
        twin, twins = twin_gap.unseen(observations, None, " chosen")
        probe, probes = observations.losses("probe chosen", None)
        how = {"twin_clusters": twins, "probe_clusters": probes}
        return [_about(twin_gap.of_slice(twin, probe, slice_name=None, slices=1, **how))]


@monitor("chosen_rise")
class ChosenRise:
    """The loss on held-out chosen answers has turned upwards."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("feedback",)
    proposes: ClassVar[Mapping[Finding, str]] = {Finding.OVERFIT: REMEDY}

    def examine(self, observations: Observations) -> list[Signal]:
        """Test all pairs together; say nothing where no pairs are trained on."""
        if not _are_pairs(observations):
            return []
        losses, clusters = observations.losses("feedback chosen", None)
        return [_about(validation_rise.of_slice(losses, clusters, slice_name=None, slices=1))]


@monitor("chosen_forgetting")
class ChosenForgetting:
    """Held-out chosen answers have become less likely than they were to the base."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("feedback",)
    proposes: ClassVar[Mapping[Finding, str]] = {Finding.FORGETTING: REMEDY}

    def examine(self, observations: Observations) -> list[Signal]:
        """Test all pairs together; say nothing where no pairs are trained on."""
        if not _are_pairs(observations):
            return []
        losses, clusters = observations.losses("feedback chosen", None)
        if not losses.shape[1]:
            return []
        signal = forgetting.of_run(losses, clusters)
        return [
            _about(
                replace(signal, evidence=signal.evidence.replace("base knowledge", "what the base gave them"))
            )
        ]


def _are_pairs(observations: Observations) -> bool:
    return "feedback chosen" in observations.tracks and observations.rows is None


def _about(signal: Signal) -> Signal:
    return replace(signal, evidence=ABOUT + signal.evidence)
