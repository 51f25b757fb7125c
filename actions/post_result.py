"""Post what came of an execution."""

from st2slack import action
from st2slack.work import notice, results


class PostResultAction(action.SlackBase):
    """The result of an execution, where its notification says."""

    def run(self, token=None, **given):
        return self.with_slack(
            lambda slack: results.post_result(self.stackstorm(), slack, notice.notice_of(given)),
            token,
            notice.workspace_of(given),
        )
