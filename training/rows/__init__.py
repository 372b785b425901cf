"""Rows on their way into a model: roles, templates, tokens, packs, and the order in which a step sees them."""
