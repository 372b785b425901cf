"""Every weight of the base, or those above `freeze_layers`."""

from __future__ import annotations

from typing import Any

from tilth.training.methods.method import Method, method


@method("full")
class Full(Method):
    """Train the base's own weights: 16 bytes a weight beside the base, and the most that it can learn."""

    default_rate = 1e-5

    def trainable(self, model: Any) -> Any:
        """Return the model with its lowest `freeze_layers` layers and its embeddings frozen, if the recipe says so."""
        from tilth.training.model.layers import freeze

        freeze(model, self.recipe)
        return model
