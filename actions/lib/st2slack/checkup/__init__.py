"""Trying what the pack is configured with, for whoever sets it up.

`features` says which scopes each feature needs, `kinds` what a token is by its beginning, `rows` is
what is found; all three are pure. `connection` is how Slack is reached, `check` tries everything.
`asked` tells who may what. It may import `web`, `events` and `work`; none of these, nor action.py,
imports it, so that no other action pays for it.
"""
