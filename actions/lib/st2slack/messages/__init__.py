"""Messages that need more than one call of the Web API, and posting by URL.

webhook          posts through an incoming webhook
response_url     answers a command or an interaction by its response_url
reply            answers a user, alone or visible to everybody
upsert           a message that is posted once and changed from then on
post_or_update   slack.post_or_update
"""
