"""Who is allowed to do what from Slack. The entries of `who` are in `settings/entries.py`.

decision         the rules, and the decision; pure
authorizer       looks up what the decision needs, and no more
slack_identity   users and conversations of a workspace, as the rules see them
ldap_groups      groups of people in LDAP
ldap_server      one LDAP server, asked through StackStorm's backend
directory_name   compares names as a directory does
"""
