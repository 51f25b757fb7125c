"""Posts the result of an execution."""

from st2slack import action
from st2slack.results import notification, post_result


class PostResultAction(action.SlackBase):
    """Posts the result of an execution where its notification says."""

    @action.reports_errors
    def run(self, token=None, **parameters):
        slack = self.slack(token, notification.find_workspace(parameters))
        request = notification.read_notification(parameters)
        return post_result.post_result(self.stackstorm(), slack, request)
