"""What changes for users of 2.x: derived from the interfaces, and looked for in their packs.

    interface.py   what 2.3.0 offered, what is offered now, and the listed breaks
    derive.py      PURE: the breaks that follow from the two interfaces
    documents.py   a YAML file, with the line of every part of it
    references.py  documents → which actions they call, with which parameters
    judge.py       one call → what must change in it
    configs.py     the pack's config → what must change in it
    behaviours.py  rules, configs and webhook URLs → what the sensor and the webhooks do differently
    scan.py        folders → report
    command.py     `python -m sandbox upgrade-check`

Upper may be imported by lower, never back.
"""
