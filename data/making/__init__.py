"""How the bundled world and its base were made; not part of the installed package."""
