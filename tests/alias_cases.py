"""The aliases, by StackStorm's own test base; test_aliases.py runs it in a process of its own.

That base (the real one under `make test-st2`) patches the whole process for eventlet.
"""

from st2tests.base import BaseActionAliasTestCase


class Cases:
    """`commands`: what is typed → the parameters that come of it."""

    commands = {}

    def test_each_command_gives_its_parameters(self):
        formats = self.action_alias_db.get_format_strings()
        for command, parameters in self.commands.items():
            self.assertCommandMatchesExactlyOneFormatString(formats, command)
            self.assertExtractedParametersMatch(formats[0], command, parameters)


class PostMessage(Cases, BaseActionAliasTestCase):
    action_alias_name = "post_message"
    commands = {
        "slack post to #general Lunch is soup.": {"channel": "#general", "text": "Lunch is soup."},
        "slack post to C0GENERAL01 a, b to c": {"channel": "C0GENERAL01", "text": "a, b to c"},
        "slack post to general two\nlines": {"channel": "general", "text": "two\nlines"},
        "slack post to <#C1|a> ü 🎉": {"channel": "<#C1|a>", "text": "ü 🎉"},
    }


class FindUser(Cases, BaseActionAliasTestCase):
    action_alias_name = "find_user"
    commands = {
        "slack find user mara": {"user": "mara"},
        "slack find user Mara Lindqvist": {"user": "Mara Lindqvist"},
        'slack find user "Mara Lindqvist"': {"user": "Mara Lindqvist"},
        "slack find user @mara": {"user": "@mara"},
        "slack find user mara@example.com": {"user": "mara@example.com"},
    }


class FindChannel(Cases, BaseActionAliasTestCase):
    action_alias_name = "find_channel"
    commands = {
        "slack find channel #deploys": {"channel": "#deploys"},
        "slack find channel old-website archived=true": {
            "channel": "old-website",
            "archived": "true",
        },
    }


class WhoIsIn(Cases, BaseActionAliasTestCase):
    action_alias_name = "who_is_in"
    commands = {"slack who is in @on-call": {"usergroup": "@on-call"}}


class SendDirectMessage(Cases, BaseActionAliasTestCase):
    action_alias_name = "send_direct_message"
    commands = {
        "slack tell @mara the tide is in": {"users": "@mara", "text": "the tide is in"},
        "slack tell mara,@priya come": {"users": "mara,@priya", "text": "come"},
        'slack tell "Mara Lindqvist, priya" come': {
            "users": "Mara Lindqvist, priya",
            "text": "come",
        },
    }


class SetOnCall(Cases, BaseActionAliasTestCase):
    action_alias_name = "set_on_call"
    commands = {
        "slack set @on-call to mara, priya": {"usergroup": "@on-call", "users": "mara, priya"},
        "slack set on-call to Mara Lindqvist": {"usergroup": "on-call", "users": "Mara Lindqvist"},
    }
