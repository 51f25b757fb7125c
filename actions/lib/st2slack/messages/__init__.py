"""Messages that need more than one call of the Web API.

webhook          posts by an incoming webhook
response_url     answers a command or a press by its response_url
reply            answers by response_url, or where that is not possible by a message
upsert           one message that is posted once and changed afterwards
post_or_update   slack.post_or_update
"""
