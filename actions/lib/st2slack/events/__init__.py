"""From a socket to a trigger.

`socket` connects, `socket_mode` and `rtm` know the two transports, `connection` keeps one alive,
`receiver` takes what was read into `event_queue` and `command_queue`, `event_handler` dispatches it,
`workspace` puts them together for one workspace. `triggers` and `seen` are pure: event → payload,
and what was dispatched already. `names` looks users and channels up.

What was missed: `gap_ledger` knows what each channel lacks (`spans`), `catch_up` decides what to ask
for next (`rate_limiter`), `backfill` asks, `history_pass` reads the answers; `checkpoint` survives a
restart, `deferred_acknowledgements` wait for it.
"""
