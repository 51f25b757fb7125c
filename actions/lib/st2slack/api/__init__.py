"""Slack's Web API: one HTTP client for actions and sensor, on `requests`.

client          one call of a method, from arguments to answer
transport       one request; the only module that knows the errors of `requests`
session         connections of `requests`, with the proxy (`proxy`) and the CAs of the config
retry           whether there is another try, and when
deadline        ends a request that is out of time
encoding        arguments to a form or JSON
decoding        an answer's bytes to JSON, bounded in size
methods         facts about a method
pagination      walks the pages of a list; `containers` knows what the items stand in
error_help      what to do about an error code
file_hosts      hosts that files are sent to and fetched from
log_filter      keeps credentials out of urllib3's log
single_attempt  a client that never waits
"""
