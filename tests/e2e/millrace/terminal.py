"""A command on a terminal of its own, as a person runs it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

CTRL_C = b"\x03"
ROWS, COLUMNS = 50, 500


class Terminal:
    """Use it with `with`; at the end the command is gone."""

    def __init__(self, command, folder, environment):
        self._screen, keyboard = pty.openpty()
        fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=keyboard,
            stdout=keyboard,
            stderr=keyboard,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(keyboard)
        self.output = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._screen)

    def read_until(self, is_there, within_s):
        """Reads on until is_there(output) is true; None as is_there: until the command has ended."""
        deadline = time.monotonic() + within_s
        while is_there is None or not is_there(self.output):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"not within {within_s} s; on the terminal:\n{self.output}"
            if select.select([self._screen], [], [], left_s)[0] and not self._read():
                assert is_there is None, f"it ended; on the terminal:\n{self.output}"
                return

    def type(self, keys):
        os.write(self._screen, keys)

    def wait(self, within_s):
        self.read_until(None, within_s)
        return self._process.wait(within_s)

    def _read(self):
        try:
            data = os.read(self._screen, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            return False
        self.output += data.decode(errors="replace")
        return bool(data)
