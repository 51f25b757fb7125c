"""What the pack needs of StackStorm, on any machine.

Who may import whom (upper may import lower)::

    api           StackStorm's API on loopback, and what is behind it (its house: there)
    runner        one execution: parameters, a process of its own, the result
    wrapper       what runs inside that process (stdlib only, started as a file)
    remote        what an action gets of StackStorm where its API is (loaded by its path, too)
    parameters    checked as the API does, completed as the runner does
    words casts   `name=value` of the command line; values to their types
    config        the pack's settings with the defaults of config.schema.yaml
    metadata      actions/*.yaml
    schema masking   PURE: StackStorm's dialect of JSON schema; what is secret
    mistakes      what was wrong with the input, all of it at once
    path          where StackStorm's own classes come from: the real ones or stubs/
"""
