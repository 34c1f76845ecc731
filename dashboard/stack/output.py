"""One readable log for many processes: each line with its time and the name of the process that wrote it."""

import asyncio
import os
import sys
import time
from typing import TextIO

COLOURS = (36, 32, 33, 34, 35, 96, 92, 93, 94, 95)
LONGEST_LINE = 64 * 1024
NAME_WIDTH = 18


class Output:
    """Writes named lines to a stream; colour only on a terminal and never with ``NO_COLOR`` set."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colour = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._colours: dict[str, int] = {}

    def line(self, name: str, text: str) -> None:
        """Write one line of the process ``name``."""
        prefix = f"{time.strftime('%H:%M:%S')} {name:<{NAME_WIDTH}} |"
        if self._colour:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self.text(f"{prefix} {text}")

    def text(self, text: str) -> None:
        """Write text as it is. A reader that went away (``make run | head``) stops the output, never the stack."""
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


class Lines(asyncio.Protocol):
    """Cuts what arrives from a process into lines and hands each to the output."""

    def __init__(self, name: str, output: Output) -> None:
        self._name = name
        self._output = output
        self._rest = b""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Take the next bytes; a line that never ends is cut at 64 KiB."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            # Celery sets off its words with empty lines, which here would be a line with a name and nothing more.
            if text:
                self._output.line(self._name, text)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Write what is left when the last holder of the pipe is gone."""
        if self._rest:
            self.data_received(b"\n")
        if not self.closed.done():
            self.closed.set_result(None)
