"""Makes etc/slack/web_api.json and events.json from public sources: `bin/refresh_facts`.

command    the command line and the report
fetch      reads pages from a folder or the site
pages      what a page of docs.slack.dev says
typings    what the types of @slack/web-api and @slack/types say (typescript: reads their files)
sdk        what slack_sdk's functions take
merge      merges them by the order of trust; rules: how a fact is made from a page
decisions  what rulings decide in a merge and what is left open
rulings    differences on purpose, with reasons; compare: where facts and a package differ
events     merges the keys of events
origins    where the facts of a method came from
changes    what a refresh changed, by method and for CHANGES.md
"""
