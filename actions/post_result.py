"""Post the result of an execution."""

from st2slack import action
from st2slack.results import notification, post_result


class PostResultAction(action.SlackBase):
    """Posts the result of an execution where its notification says."""

    def run(self, token=None, **given):
        return self.with_slack(
            lambda slack: post_result.post_result(
                self.stackstorm(), slack, notification.read_notification(given)
            ),
            token,
            notification.find_workspace(given),
        )
