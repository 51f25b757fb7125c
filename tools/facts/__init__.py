"""Makes etc/slack/web_api.json and events.json from public sources: `bin/refresh_facts`.

typings    what the types of @slack/web-api and @slack/types say
sdk        what slack_sdk's methods take
pages      what a page of docs.slack.dev says
"""
