"""What the pack's actions and sensor share.

    action         base class of the actions; the only module that knows StackStorm's action runner
    diagnostics    what slack.check does
    people, files, messages, tokens, authorization, chatops, results, approvals, sensor
                   the features
    api            Slack's Web API
    stackstorm     StackStorm's API
    settings       the pack's config; the only reader of config keys
    base           errors, IDs, Slack's markup, URLs, and other things that need nothing else

Imports go downwards only. docs/architecture.md has the table, and a test holds it. Nothing here
reads YAML at run time.
"""
