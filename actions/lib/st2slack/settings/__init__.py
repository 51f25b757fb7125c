"""The pack's config as frozen values; the ONLY reader of config keys.

    api_url       where the Web API is; default https://slack.com/api/
    team_id       workspace that fills the `team_id` argument (Enterprise Grid)
    action_token  bot or user token for the actions
    user_token    user token for methods that only user tokens may call
    config_token  app configuration token (xoxe.xoxp-…)
    sensor.app_token  app level token (xapp-…)
    max_wait      seconds that all tries and waits of one call may take together; default 60
    proxy         URL of the proxy; default: HTTPS_PROXY of the environment
    file_hosts    more hosts that files may be sent to, and fetched from
    ca_bundle     path of a file with the CAs to trust; default: REQUESTS_CA_BUNDLE
    rotation      client_id, client_secret, datastore keys and a folder, to renew tokens that expire
    admin         admin_token, organization, set_active, attempts, auto_join_channels: how
                  slack.users.admin.invite invites
    post_message_action  webhook_url, channel, username, icon_emoji, icon_url of the webhook
    authorization  who may what from Slack: rules of who, where and what; none: nobody anything
    ldap          how LDAP is asked for the groups of people
    ldap_usernames    ID of a person in Slack → their name in LDAP
    chatops       how people work from Slack: the command, a prefix, whom to ask, where questions go
    workspaces    more workspaces: name, api_url, team_id, tokens, webhook and rules of their own

A workspace of the list takes its credentials and `team_id` from its own entry only: a token of one
workspace is never sent on behalf of another. Rules and `ldap_usernames` are its own, too: IDs and
handles mean somebody else elsewhere. How to get there (`api_url`, `proxy`, `ca_bundle`) is shared
unless the entry says otherwise; `max_wait` and `ldap` are the same for all.

Each module reads a part, so that an action loads what it needs.
"""
