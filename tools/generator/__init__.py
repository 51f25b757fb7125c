"""Facts and words → the metadata of the actions and the table that a call reads.

`sources` reads and checks both, `texts` writes descriptions, `metadata` makes one action,
`table` makes methods.json, `sdk` compares the facts with slack_sdk. None of it needs a network.
"""
