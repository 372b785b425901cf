"""One benchmark a file: each has `measure()`, which returns what results/NAME.json holds under `figures`."""
