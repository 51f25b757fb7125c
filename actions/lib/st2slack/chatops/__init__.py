"""Commands that people type in Slack.

incoming       the command or press that a rule hands over
command_text   matches a command with the formats of aliases; pure
run_command    slack.run_command
run_alias      runs the alias that matched
"""
