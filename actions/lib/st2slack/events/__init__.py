"""From a socket to a trigger.

`socket` connects, `socket_mode` and `rtm` know the two transports, `connection` keeps one alive,
`pump` holds what was read and dispatches it in order, `workspace` puts them together for one
workspace. `triggers` and `seen` are pure: event → payload, and what was dispatched already. `names`
looks users and channels up, `memory` survives a restart, `backfill` fetches what was missed.
"""
