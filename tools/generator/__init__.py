"""Facts and words → the metadata of the actions and the table that a call reads.

`sources` reads and checks both, `texts` writes descriptions, `metadata` makes one action,
`table` makes methods.json, `manifest`, `readme` and `docs` make parts of pages. None of it needs a
network.
"""
