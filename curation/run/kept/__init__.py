"""What a run keeps for the next one: what was read of a file, judged of a row and observed by a barrier.

All of it lies in the store's `cache` folder under names made from what it depends on, is believed only with its digest,
and is made again where it is missing, damaged or of another version. It may be deleted at any time.
"""
