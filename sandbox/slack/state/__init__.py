"""What a workspace holds: conversations, users, messages, tokens; and its JSON form."""
