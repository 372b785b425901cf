"""What each page is made from: plain JSON, written as `report.json` beside its `report.html`; a file a page.

Curation, training and the workbench fill these; `report.py` renders them and adds nothing. Losses are
nat/token over assistant tokens, rates and scores fractions of one, times seconds, sizes bytes. A page shows
at most `report.MAX_*` lines of a list and says how many it left out, so lists may be as long as they are.
Text taken from rows is shown shortened and escaped; it must already be redacted.
"""
