"""What a list of texts holds, without a recipe: languages, personal data, evaluation items, prose statistics.

python examples/look_at_texts.py (or cell by cell in a notebook). Texts may be a list, a polars or pandas Series, or an
Arrow array.
"""

import tilth

texts = [
    "The desk is open from nine to five, and on Saturdays until noon.",
    "Bitte schicken Sie die Lampe bis Freitag an die Werkstatt zurück.",
    "Write to ada@lovelace.org about the invoice, or call +44 20 7946 0958.",
    "A train leaves at seven and needs three hours and a half; when does it arrive in the town? At half past ten.",
    "x = 1",
]

# %% Which language each is in; "unknown" is an answer.
languages = tilth.identify(texts)
print(languages.table)

# %% Personal data and secrets: kind and place, and the text with them replaced.
personal = tilth.find_personal_data(texts)
print(personal.explain(2))
print(personal.redacted[2])

# %% Which hold an item of an evaluation, and which words.
leaked = tilth.decontaminate(
    texts, ["A train leaves at seven and needs three hours and a half; when does it arrive in the town?"]
)
print(leaked.explain(3))

# %% The 37 statistics that Gopher, C4 and FineWeb judge prose by.
print(tilth.statistics(texts).table.select("index", "words", "mean_word_length"))
