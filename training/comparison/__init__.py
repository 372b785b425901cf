"""Two versions compared under the same seeds: the arms, the endpoints, the facts of the page."""
