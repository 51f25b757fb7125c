"""From a socket to a trigger.

    workspace_sensor     puts the parts together for one workspace
    websocket, proxy_tunnel   the socket, also through a proxy
    transport, socket_mode, rtm   the two transports, and what both do
    slack_clients        calls Slack, and renews tokens
    frames, model        what arrives on a socket
    connection           opens connections, and replaces them
    receiver             puts what was read into event_queue and command_queue
    event_handler        takes events from the queue, and dispatches them
    dispatcher, stackstorm_dispatch   dispatches triggers; tries again while StackStorm cannot
    event_filter         which events become triggers; pure
    payloads, fields, interactions   triggers and their payloads; pure
    deduplicator         what was dispatched already; pure
    name_cache           names of people and channels
    identity             who the app is
    checkpoint           survives a restart
    status               what slack.sensor_status shows

What was missed while there was no connection:

    gap_ledger, channel_gaps, spans   what each channel lacks
    catch_up             makes calls, as call_schedule and rate_limiter allow
    fetcher, gap_reader, history_pass, backfill   read what is missing
    deferred_acknowledgements   wait for a saved checkpoint
"""
