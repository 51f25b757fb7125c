"""Results of executions, as messages.

notification    the trigger instance of StackStorm's notifier
outcome         an execution's result: what succeeded, what failed, output
plain_text      output that can be shown in a message
result_blocks   the message
alias_format    the texts that an alias has for its result
post_result     slack.post_result
"""
