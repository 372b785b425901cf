"""The machinery of a curation run: parts, evidence, the executor, and the ledger that alone takes a row out."""
