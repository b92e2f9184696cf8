"""Becomes the command of a container. Run as a script, by path, without tidegate: it must start in no time.

    launch.py PARENT_PID COMMAND [ARGS...]

The new process dies with the daemon, even when the daemon is killed: a function to run between fork and exec
would be the usual place for this, and is not safe in a process with threads.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
MOST_FDS = 25_000
"""Cloud Run's limit per instance."""


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FDS if hard == resource.RLIM_INFINITY else min(hard, MOST_FDS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


main()
