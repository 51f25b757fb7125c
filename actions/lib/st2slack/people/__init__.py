"""People, channels and user groups.

lookup        finds them by name, e-mail address, mention or ID
usergroups    members of user groups
user_filter   people that match rules (`filters`)
invite        invites people to a workspace
"""
