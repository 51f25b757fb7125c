"""Files: to Slack and back.

upload        sends files, in Slack's three steps
upload_body   what is sent: a file, a text, bytes
download      fetches a file
save          writes a file, never half of it
"""
