"""Methods of tuning, one a file: what is trained, by which loss, and what comes of it."""
