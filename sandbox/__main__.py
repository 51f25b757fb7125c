"""`python -m sandbox`: see `python -m sandbox --help`."""

import signal
import sys

from sandbox.cli.commands import main

if __name__ == "__main__":
    # As with Ctrl-C: whatever was started (an action, a Slack) must end with us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
