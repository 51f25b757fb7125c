"""One HTTP client for actions and sensor, on `requests`.

`call` is one call of a Web API method from arguments to answer; `send` is one try of it and the
only file that knows the errors of `requests`; `retry` decides about another try; `encode` and
`refusals` turn values into a form and error codes into help; `pages` walks lists; `uploads` sends
files that `sources` reads, `files` fetches one, `download` saves it; `channel_names` finds
channels; `rotation` renews tokens, `rescue` keeps them until they are stored; `methods` is the
table of facts that a call needs.
"""
