"""StackStorm's API.

client       executions, inquiries, aliases, packs
execution    the types Execution and Inquiry; pure
alias        the types of aliases; pure
datastore    keys and records
transport    requests, and how often they are tried
time_left    seconds until StackStorm ends the action
timestamps   StackStorm's timestamps; pure
"""
