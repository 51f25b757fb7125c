"""Results of executions, as messages.

notification    what StackStorm's notifier says: the execution, and where its result goes
outcome         whether an execution succeeded, its errors, its output
plain_text      output as text that people can read
result_blocks   the message
alias_format    the texts that an alias has for its result
post_result     slack.post_result
"""
