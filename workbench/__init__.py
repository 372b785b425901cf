"""The face of Tilth: commands, recipes, init, refresh, demo."""
