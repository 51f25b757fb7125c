"""What the pack's actions and sensor share. `web` calls Slack, `settings` reads the pack's config.

Nothing here knows StackStorm, apart from `action`; nothing here reads YAML at run time.
"""
