"""The bundled sample: sources, recipes and a small base model, all made by the scripts here."""
