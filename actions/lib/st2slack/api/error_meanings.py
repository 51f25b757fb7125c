"""PURE: what Slack's error codes mean and what to do about them, for the codes that people meet."""

from __future__ import annotations

from typing import Mapping, Tuple

# code → (what it means, what to do). {token_key} and {method} are filled in.
MEANINGS: Mapping[str, Tuple[str, str]] = {
    # who is asking
    "not_authed": ("no token was sent", "Set {token_key} in the pack's config, or pass `token`."),
    "invalid_auth": (
        "Slack does not know the token, or does not take it from this address",
        "Copy the token again from the app's page into {token_key}.",
    ),
    "token_revoked": (
        "the token was revoked or the app was removed from the workspace",
        "Install the app again and put its new token into {token_key}.",
    ),
    "token_expired": (
        "the token has expired (token rotation gives tokens 12 hours)",
        "Refresh it, and let {token_key} read the refreshed token.",
    ),
    "account_inactive": (
        "the token belongs to a deactivated user or a removed app",
        "Use the token of an active one in {token_key}.",
    ),
    "not_allowed_token_type": (
        "this method does not take this kind of token",
        "Set {token_key} to a token of a kind it takes: {kinds}.",
    ),
    "missing_scope": ("the token lacks a scope", "Add the scope to the app and install it again."),
    "no_permission": (
        "the app has no permission for it here",
        "Make the app a member of the conversation (/invite @app), or use the token of somebody "
        "who is allowed to do it.",
    ),
    "access_denied": ("access is denied to this token", "Use a token of somebody who may."),
    "restricted_action": (
        "a setting of the workspace forbids it to this user",
        "Ask an administrator of the workspace, or use another token.",
    ),
    "user_is_restricted": ("guests may not do this", "Use a token of a full member."),
    "not_an_admin": ("it needs an administrator", "Use a user token of an administrator."),
    "team_access_not_granted": (
        "the app is not granted access to that workspace",
        "Have an organization admin grant it, or give another `team_id`.",
    ),
    "missing_argument": ("an argument is missing", "Give it; see the action's parameters."),
    "team_not_found": (
        "there is no such workspace for this token",
        "Check `team_id`; an organization-wide token needs it.",
    ),
    "enterprise_is_restricted": (
        "an organization-wide token cannot call this method",
        "Use a token of one workspace.",
    ),
    "org_login_required": (
        "the workspace is being moved into an organization",
        "Try again when Slack has finished that.",
    ),
    "ekm_access_denied": (
        "an administrator has suspended posting for key management",
        "Ask an administrator of the organization.",
    ),
    "two_factor_setup_required": (
        "the token's user must set up two-factor authentication",
        "Set it up, or use a bot token.",
    ),
    # where
    "channel_not_found": (
        "there is no such conversation, or the token cannot see it",
        "Check the ID (C..., G..., D...); for a private channel invite the app first.",
    ),
    "not_in_channel": (
        "the app is not a member of the conversation",
        "Invite it (/invite @app), or join a public channel with slack.conversations.join.",
    ),
    "is_archived": (
        "the conversation is archived",
        "Unarchive it (slack.conversations.unarchive) or choose another.",
    ),
    "already_in_channel": (
        "the user is in the conversation already",
        "Nothing to do; `ignore_errors` lets a workflow go on.",
    ),
    "already_archived": (
        "the conversation is archived already",
        "Nothing to do; `ignore_errors` lets a workflow go on.",
    ),
    "not_archived": (
        "the conversation is not archived",
        "Nothing to do; `ignore_errors` lets a workflow go on.",
    ),
    "name_taken": (
        "a conversation, group or file of that name exists already",
        "Choose another name, or use what exists.",
    ),
    "cant_invite_self": (
        "the token's user cannot invite itself",
        "Use slack.conversations.join to enter a public channel.",
    ),
    "method_not_supported_for_channel_type": (
        "this kind of conversation does not allow it",
        "Use a channel of another kind.",
    ),
    "user_not_found": (
        "there is no such user, or the token cannot see them",
        "Check the ID (U..., W...).",
    ),
    "users_not_found": (
        "no user was found for what was given",
        "Check the ID or the e-mail address.",
    ),
    "user_not_visible": ("the token may not see that user", "Use a token that may."),
    "already_in_team": ("the person is in the workspace already", "Nothing to do."),
    "already_invited": ("the person has been invited already", "Nothing to do."),
    "sent_recently": ("an invitation was sent a short while ago", "Wait before you repeat it."),
    "invalid_email": ("it is not an e-mail address", "Check `email`."),
    "user_disabled": ("the person is deactivated", "Activate the account first, or ask another."),
    "too_many_users": ("these are too many people", "Name fewer at a time."),
    "invalid_users": ("somebody among them is not known or not allowed", "Check the IDs."),
    "no_users_provided": ("nobody was named", "Name somebody."),
    "permission_denied": (
        "the token's user is not allowed to do it",
        "Use the token of somebody who is, or ask an administrator of the workspace.",
    ),
    "plan_upgrade_required": ("it needs a paid plan", "Use a workspace on such a plan."),
    "user_not_in_channel": ("the user is not a member of the conversation", "Invite them first."),
    "cannot_dm_bot": ("bots cannot receive direct messages", "Give the ID of a person."),
    "no_such_subteam": ("there is no such user group", "Check the ID (S...)."),
    "subteam_not_found": ("there is no such user group", "Check the ID (S...)."),
    # messages
    "no_text": ("the message is empty", "Give `text`, `blocks` or `attachments`."),
    "msg_too_long": (
        "the text is too long: more than 40,000 characters",
        "Shorten it, or upload it as a file.",
    ),
    "msg_blocks_too_long": ("the blocks are too long", "Shorten or split the message."),
    "too_many_attachments": ("there are more than 100 attachments", "Split the message."),
    "invalid_blocks": (
        "Slack cannot use the blocks",
        "Repair what it names; slack.blocks.validate checks without posting.",
    ),
    "invalid_blocks_format": (
        "`blocks` is not a list of Block Kit objects",
        'Give a JSON list, e.g. [{{"type": "divider"}}].',
    ),
    "invalid_attachments": ("Slack cannot use the attachments", "Repair what it names."),
    "markdown_text_conflict": (
        "`markdown_text` cannot go with `text` or `blocks`",
        "Give one of them.",
    ),
    "message_not_found": (
        "there is no message with that timestamp in the conversation",
        "Check `channel` and the timestamp (text, six decimals).",
    ),
    "thread_not_found": (
        "there is no thread with that timestamp",
        "Check `thread_ts`: it is the timestamp of the parent message.",
    ),
    "cannot_reply_to_message": ("this kind of message takes no replies", "Post outside a thread."),
    "cant_update_message": (
        "only the author may change the message",
        "Use the token that posted it.",
    ),
    "cant_delete_message": (
        "only the author or an administrator may delete the message",
        "Use the token that posted it.",
    ),
    "edit_window_closed": ("the message is too old to be changed", "Post a new one."),
    "already_reacted": (
        "the reaction is there already",
        "Nothing to do; `ignore_errors` lets a workflow go on.",
    ),
    "no_reaction": (
        "there is no such reaction of this user",
        "Nothing to do; `ignore_errors` lets a workflow go on.",
    ),
    "invalid_name": ("the name is not one that Slack knows or allows", "Check its spelling."),
    "already_pinned": (
        "it is pinned already",
        "Nothing to do; `ignore_errors` lets a workflow go on.",
    ),
    "no_pin": ("it is not pinned", "Nothing to do; `ignore_errors` lets a workflow go on."),
    "time_in_past": ("`post_at` lies in the past", "Give a later time, in Unix seconds."),
    "time_too_far": ("`post_at` is more than 120 days ahead", "Give an earlier time."),
    "file_not_found": ("there is no such file, or the token cannot see it", "Check the ID (F...)."),
    "hash_conflict": ("the view was changed meanwhile", "Read its new `hash` and try again."),
    "expired_trigger_id": (
        "the `trigger_id` is older than 3 seconds",
        "Answer the interaction faster; it cannot be renewed.",
    ),
    "invalid_trigger_id": (
        "Slack does not know the `trigger_id`",
        "Pass the one of the interaction unchanged, within 3 seconds.",
    ),
    "trigger_expired": (
        "the `trigger_id` is older than 3 seconds",
        "Answer the interaction faster; it cannot be renewed.",
    ),
    "exchanged_trigger_id": ("the `trigger_id` was used already", "It works once only."),
    # how
    "ratelimited": ("there were too many calls", "Call less often, or later."),
    "rate_limited": (
        "there were too many messages to this conversation",
        "Post at most one a second to a conversation.",
    ),
    "message_limit_exceeded": (
        "the workspace has reached its limit of messages",
        "Ask an administrator of the workspace.",
    ),
    "invalid_arguments": ("Slack cannot use an argument", "Repair what it names."),
    "invalid_arg_name": ("an argument has a name Slack cannot use", "Check the parameter names."),
    "invalid_array_arg": (
        "a list was given in a form Slack cannot read",
        "Give comma-separated text or JSON, as the parameter says.",
    ),
    "invalid_cursor": ("the cursor is not valid or no longer so", "Begin again without `cursor`."),
    "limit_required": (
        "the list is too long to be fetched at once",
        "Give `limit`, or set `all_pages`.",
    ),
    "invalid_limit": ("`limit` is not a number that Slack takes", "{limit}"),
    "invalid_ts_latest": (
        "`latest` is not a timestamp",
        "Give it as text, e.g. 1503435956.000247.",
    ),
    "invalid_ts_oldest": (
        "`oldest` is not a timestamp",
        "Give it as text, e.g. 1503435956.000247.",
    ),
    "invalid_refresh_token": (
        "the refresh token was used already or is not one",
        "Refresh tokens work once: install the app again for a new one.",
    ),
    "bad_client_secret": (
        "the client secret does not belong to the client ID",
        "Copy both from the app's Basic Information page.",
    ),
    "invalid_client_id": (
        "Slack does not know the client ID",
        "Copy it from the app's Basic Information page.",
    ),
    "invalid_code": (
        "the code was used already, is too old or not one",
        "Begin the authorization again.",
    ),
    "method_deprecated": ("Slack has retired the method", "{replacement}"),
    "deprecated_endpoint": ("Slack has retired the method", "{replacement}"),
    "unknown_method": ("Slack knows no method of that name", "Check `end_point`."),
    "method_not_supported": ("this workspace cannot use the method", "Check the plan."),
    "feature_not_enabled": (
        "the feature is not switched on in the workspace",
        "Ask an administrator; it may need another plan.",
    ),
    "paid_only": ("it needs a paid plan", "Use a workspace on such a plan."),
    "paid_teams_only": ("it needs a paid plan", "Use a workspace on such a plan."),
    "not_paid": ("it needs a paid plan", "Use a workspace on such a plan."),
    "internal_error": ("Slack had a fault of its own; a part of it may have happened", "{again}"),
    "fatal_error": ("Slack had a fault of its own; a part of it may have happened", "{again}"),
    "service_unavailable": ("Slack is unavailable at the moment", "{again}"),
    "request_timeout": ("the request did not reach Slack whole", "Check the network; try again."),
    "accesslimited": (
        "the workspace limits access on this network",
        "Call from a network that is allowed, or ask an administrator to allow this one.",
    ),
    "messages_tab_disabled": (
        "the app's Messages tab is off, so people cannot be written to",
        "Switch it on (the app's page, App Home; `features.app_home` in its manifest).",
    ),
}
# The same code means another thing, or has another number, in these methods. A test compares the
# numbers with etc/slack/web_api.json (`limits`).
MEANINGS_BY_METHOD: Mapping[Tuple[str, str], Tuple[str, str]] = {
    ("chat.update", "msg_too_long"): (
        "the text is too long: more than 4,000 characters",
        "Shorten it, or upload it as a file.",
    ),
    ("conversations.open", "too_many_users"): (
        "these are too many people for a direct message",
        "Give 8 at most, or use a channel.",
    ),
}
# The same of all methods whose name begins so.
MEANINGS_BY_PREFIX: Mapping[Tuple[str, str], Tuple[str, str]] = {
    ("usergroups.", "permission_denied"): (
        "the token's user is not allowed to change user groups",
        "Ask an administrator who is (User Group Administration), or use another token.",
    ),
}
