"""From a socket to a trigger.

`socket` connects, `socket_mode` and `rtm` know the two transports, `connection` keeps one alive,
`receiver` takes what was read into `event_queue` and `command_queue`, `event_handler` dispatches
it, `workspace` puts them together for one workspace. `triggers` and `seen` are pure: event →
payload, and what was dispatched already. `names` looks users and channels up.

What was missed: `gap_ledger` knows what each channel lacks (`channel_gaps`, `spans`), `catch_up`
makes the calls that `call_schedule` and `rate_limiter` allow, `fetcher` and `gap_reader` close the
gaps with what `backfill` is told (`history_pass`); `checkpoint` survives a restart, and
`deferred_acknowledgements` wait for it.
"""
