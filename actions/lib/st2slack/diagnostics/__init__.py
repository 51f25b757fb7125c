"""Tries what the pack is configured with: slack.check.

    check              tries everything
    probes             one probe for each feature
    features           scopes that each feature needs; pure
    token_kinds        what a token is, by its beginning; pure
    report_rows        rows of the report; pure
    connection         how Slack is reached
    permission_check   tells who is allowed to do what
    wanted_rules       rules that the pack needs and that are off

It imports every feature, and no module imports it: no other action pays for it.
"""
