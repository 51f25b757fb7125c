"""Commands that people type in Slack.

incoming         the command that a rule hands over
command_text     compares the command with the formats of aliases; pure
run_command      slack.run_command: the checks before an alias runs
match_alias      the alias that a command matches, and help
run_alias        runs the alias
command_result   what the action answers
"""
