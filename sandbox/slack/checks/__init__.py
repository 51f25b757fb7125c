"""What Slack refuses: tokens, scopes, arguments and blocks, by the facts of each method."""
