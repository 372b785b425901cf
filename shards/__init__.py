"""What flows through Tilth and how it is kept: tables, objects, manifests, versions, refs. No policy."""
