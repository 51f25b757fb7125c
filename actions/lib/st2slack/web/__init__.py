"""One HTTP client for actions and sensor, on `requests`.

`call` is one call of a Web API method from arguments to answer; `send` is one try of it and the
only file that knows the errors of `requests`; `retry` decides about another try; `encode` and
`refusals` turn values into a form and error codes into help; `pages` walks lists; `download` saves
a file; `methods` is the table of facts that a call needs.

On top of them: `lookup` finds channels, people and user groups by what they are called, `people`
does something with those it found, `directory` filters the list of users by the rules in `filters`,
`invite` invites somebody, `webhook` posts by a webhook; `uploads` sends files that `sources` reads,
`files` fetches one; `rotation` renews tokens, `rescue` keeps them until they are stored.
"""
