"""What the tests of the page in a browser share: whom to be there, and what is looked for."""

import json

from paging import DEPLOYS


def own(address, slack):
    """True for what is asked of the page's own server, or of nobody."""
    root = slack.url.partition(":")[2]
    return address.partition(":")[2].startswith(root) or address.startswith("data:")


def be(tab, who, channel=DEPLOYS):
    tab.choose("#me", who)
    tab.until("document.body.dataset.ready.startsWith('%s ')" % who)
    tab.click("[data-channel=%s]" % channel)
    tab.until("document.body.dataset.ready === '%s %s'" % (who, channel))


def at(ts, what=""):
    return 'article[data-ts="%s"] %s' % (ts, what)


def has(selector, words=""):
    """JavaScript: true where such an element shows these words."""
    found = "document.querySelector(%s)" % json.dumps(selector)
    return "%s && %s.innerText.includes(%s)" % (found, found, json.dumps(words))
