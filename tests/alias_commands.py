"""What is typed in chat → the parameters that come of it, by the name of the alias."""

COMMANDS = {
    "post_message": {
        "slack post to #general Lunch is soup.": {"channel": "#general", "text": "Lunch is soup."},
        "slack post to C0GENERAL01 a, b to c": {"channel": "C0GENERAL01", "text": "a, b to c"},
        "slack post to general two\nlines": {"channel": "general", "text": "two\nlines"},
        "slack post to <#C1|a> ü 🎉": {"channel": "<#C1|a>", "text": "ü 🎉"},
    },
    "find_user": {
        "slack find user mara": {"user": "mara"},
        "slack find user Mara Lindqvist": {"user": "Mara Lindqvist"},
        'slack find user "Mara Lindqvist"': {"user": "Mara Lindqvist"},
        "slack find user @mara": {"user": "@mara"},
        "slack find user mara@example.com": {"user": "mara@example.com"},
    },
    "find_channel": {
        "slack find channel #deploys": {"channel": "#deploys"},
        "slack find channel old-website archived=true": {
            "channel": "old-website",
            "archived": "true",
        },
    },
    "list_usergroup_members": {"slack who is in @on-call": {"usergroup": "@on-call"}},
    "send_direct_message": {
        "slack tell @mara the tide is in": {"users": "@mara", "text": "the tide is in"},
        "slack tell mara,@priya come": {"users": "mara,@priya", "text": "come"},
        "slack tell @mara, @priya come": {"users": "@mara, @priya", "text": "come"},
        "slack tell <@U1>, <@U2|priya> ,@lea  ,  mara come, all": {
            "users": "<@U1>, <@U2|priya> ,@lea  ,  mara",
            "text": "come, all",
        },
        "slack tell mara,\npriya come\nnow": {"users": "mara,\npriya", "text": "come\nnow"},
        "slack tell mara hi, all": {"users": "mara", "text": "hi, all"},
        'slack tell "Mara Lindqvist, priya" come': {
            "users": "Mara Lindqvist, priya",
            "text": "come",
        },
    },
    "set_on_call": {
        "slack set @on-call to mara, priya": {"usergroup": "@on-call", "users": "mara, priya"},
        "slack set on-call to Mara Lindqvist": {"usergroup": "on-call", "users": "Mara Lindqvist"},
    },
}
