"""Planted defects: rows that curation must take out or note, and real rows that it must leave alone.

hard_negatives.jsonl and damaged.jsonl name real rows by id and hold none of their text; written/ holds rows
written for this benchmark. The cases were fixed before the rules they test were read.
"""
