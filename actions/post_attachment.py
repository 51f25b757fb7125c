"""Posts an attachment through an incoming webhook."""

import requests

from st2slack import action
from st2slack.messages.webhook import as_attachments


class PostAttachmentAction(action.WebhookBase):
    """Posts `attachment`. How it appears: as the parameters or the config say."""

    @action.reports_errors
    def run(self, attachment, webhook_url=None, workspace=None, **parameters):
        content = {"attachments": as_attachments(attachment)}
        return self.post(content, parameters, webhook_url, workspace, requests)
