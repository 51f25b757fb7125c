"""The aliases, by StackStorm's own test base; test_aliases.py runs it in a process of its own.

That base (the real one under `make test-st2`) patches the whole process for eventlet, so nothing
else may import this file.
"""

from alias_commands import COMMANDS
from st2tests.base import BaseActionAliasTestCase


class Case:
    def test_each_command_gives_its_parameters(self):
        formats = self.action_alias_db.get_format_strings()
        for command, parameters in COMMANDS[self.action_alias_name].items():
            self.assertCommandMatchesExactlyOneFormatString(formats, command)
            self.assertExtractedParametersMatch(formats[0], command, parameters)


class PostMessage(Case, BaseActionAliasTestCase):
    action_alias_name = "post_message"


class FindUser(Case, BaseActionAliasTestCase):
    action_alias_name = "find_user"


class FindChannel(Case, BaseActionAliasTestCase):
    action_alias_name = "find_channel"


class ListUsergroupMembers(Case, BaseActionAliasTestCase):
    action_alias_name = "list_usergroup_members"


class SendDirectMessage(Case, BaseActionAliasTestCase):
    action_alias_name = "send_direct_message"


class SetOnCall(Case, BaseActionAliasTestCase):
    action_alias_name = "set_on_call"
