"""What is run and what is demanded, written down before the first result: change it only with a new name.

Endpoints are judged by held-out accuracy (the greedy answer is the reference, token by token). Gap closure of an arm is
(arm - noisy) / (oracle - noisy) over paired seeds, with a two-level bootstrap (seeds, then held-out rows).
"""

from __future__ import annotations

from dataclasses import dataclass

NAME = "proof-1"  # of this registration, and of the folder that holds its runs

BASE = "smollm2-135m"
FREEZE_LAYERS = 27  # adapters on the three highest of 30 layers; what lies below is computed once a row
RANK, RATE, BATCH_TOKENS, EPOCHS = 16, 2e-3, 384, 4.0
SEEDS = (0, 1, 2)
HELD_OUT = 600  # rows, never trained on
ROWS = {"clinc150": (1500, 75), "banking77": (1540, 77)}  # rows, intents
REPAIR_FROM = 0.8  # probability of the proposed answer
ROUNDS = 3
CONFUSED = 3  # a confusable error is one of so many nearest other intents, by the words of the row


@dataclass(frozen=True)
class World:
    """A task with a share of wrong answers, random or confusable."""

    task: str
    kind: str
    share: float

    @property
    def name(self) -> str:
        """Return the name of the world's runs."""
        return f"{self.task}-{self.kind}-{round(100 * self.share)}"


# In the order they are run: the demanded worlds first.
WORLDS = (
    World("clinc150", "confusable", 0.2),
    World("clinc150", "random", 0.2),
    World("banking77", "confusable", 0.2),
    World("banking77", "random", 0.2),
    World("clinc150", "none", 0.0),
    World("clinc150", "confusable", 0.1),
    World("clinc150", "random", 0.1),
    World("clinc150", "confusable", 0.3),
    World("clinc150", "random", 0.3),
    World("banking77", "none", 0.0),
    World("banking77", "confusable", 0.1),
    World("banking77", "random", 0.1),
    World("banking77", "confusable", 0.3),
    World("banking77", "random", 0.3),
)
# Equal tokens in all. The first of them is needed by those that rank rows by what training showed.
ARMS = (
    "noisy",
    "pushback",
    "oracle",
    "random removal",
    "by loss",
    "by aum",
    "confident learning",
    "without repair",
    "three rounds",
)
ARMS_WITHOUT_NOISE = ("noisy", "pushback")
# Run before the others in every world: what the demanded gap closure needs, and the strongest rival.
FIRST_ARMS = ("noisy", "pushback", "oracle", "random removal", "confident learning")


def arms_of(world: World) -> tuple[str, ...]:
    """Return the arms that are run in a world."""
    return ARMS if world.share else ARMS_WITHOUT_NOISE


DEMANDED = {
    "gap closure of pushback at 20 %": "at least .50, lower bound above .25",
    "gap closure of random removal": "at most .05",
    "pushback against the best single detector": "better, or as good at less cost",
    "AUROC of the evidence": "at least .95 random, .85 confusable",
    "precision and recall of the named rows": "at least .9 and .6",
    "named at 0 % noise": "at most 1 %, accuracy not lower",
    "three rounds against one": "not worse; the third changes few rows",
}
