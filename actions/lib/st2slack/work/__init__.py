"""Work from Slack: who may do what.

`authorization` decides and is pure. What it must know comes from `people` (Slack) and `ldap_groups`
(LDAP), and `may` asks them for no more than the decision needs. It may import `web`; only entry
files, action.py and `checkup` import it.
"""
