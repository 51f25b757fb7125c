"""Try and test the pack with neither StackStorm nor a Slack account."""
