"""Deduplication alone, without a recipe: python examples/deduplicate.py (or cell by cell in a notebook)."""

import tilth

questions = [
    "How do I reset the code of my front door when the battery is empty?",
    "Where is the spare key of the shed kept during the winter months?",
    "how do I reset the code of my front door, when the battery is empty",
    "How do I reset the code of my back door when the battery is empty and it rains?",
    "When the battery is empty, how do I reset the code of my front door?",
]

# %% Near duplicates: the exact Jaccard similarity of word 5-grams, no pair missed.
near = tilth.near_duplicates(questions)
print(near)
for place in range(len(questions)):
    print(place, near.explain(place))

# %% Another bound, without asking again for the texts.
print(near.at(0.3))

# %% Rewordings: the cosine of vectors made of the words.
semantic = tilth.semantic_duplicates(questions, cosine=0.8)
print(semantic.table)

# %% What is kept comes back as it was given: a list here, a Series with its index from pandas.
kept = near.kept
assert isinstance(kept, list)
print(len(kept), "kept")
