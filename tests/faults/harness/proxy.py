"""A TCP proxy that stands between two parts and breaks the line: passes, delays, swallows, cuts, refuses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

Mode = Literal["pass", "blackhole", "refuse"]
Where = tuple[str, int] | Path
_BLOCK = 65536
_START_SECONDS = 10.0


class Proxies:
    """All proxies of a lab, on one event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._all: list[Proxy] = []
        self._thread.start()

    def open(self, target: Where) -> Proxy:
        """Open a proxy to a host and port, or to a Unix socket, on a free port."""
        proxy = Proxy(target, self._loop)
        asyncio.run_coroutine_threadsafe(proxy.listen(), self._loop).result(_START_SECONDS)
        self._all.append(proxy)
        return proxy

    def close(self) -> None:
        """Close every line and end the thread."""
        for proxy in self._all:
            asyncio.run_coroutine_threadsafe(proxy.close(), self._loop).result(_START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
        self._loop.close()


class Proxy:
    """One line. Its methods may be called from any thread; `port` is where it listens on the loopback address."""

    def __init__(self, target: Where, loop: asyncio.AbstractEventLoop) -> None:
        self.port = 0
        self.cuts = 0
        self._target, self._loop = target, loop
        self._mode: Mode = "pass"
        self._delay_seconds = 0.0
        self._cut_after, self._cuts_left = b"", 0
        self._open = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    # ---- What a test does to the line
    def heal(self) -> None:
        """Let everything pass again, swallowed bytes included."""
        self._delay_seconds, self._cuts_left = 0.0, 0
        self._set("pass")

    def blackhole(self) -> None:
        """Answer nothing and close nothing, as a firewall that forgot the connection does."""
        self._set("blackhole")

    def refuse(self) -> None:
        """Cut what is open and close each new connection at once, as a server that is away does."""
        self._set("refuse")
        self.cut()

    def delay(self, seconds: float) -> None:
        """Hold each piece back for so long."""
        self._delay_seconds = seconds

    def cut(self) -> None:
        """Cut what is open now; new connections pass."""
        self._call(self._cut)

    def cut_after(self, words: bytes, *, times: int) -> None:
        """Pass a client's piece that holds `words` on to the server, and cut the line before the answer comes back."""
        self._cut_after, self._cuts_left = words, times

    # ---- How it works
    async def listen(self) -> None:
        self._open.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._cut()

    def _set(self, mode: Mode) -> None:
        self._mode = mode
        self._call(self._open.clear if mode == "blackhole" else self._open.set)

    def _call(self, action: Callable[[], None]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(_START_SECONDS)

    def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "refuse":
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._writers |= both
        for pump in (self._up(reader, far_writer), self._down(far_reader, writer)):
            self._spawn(pump, both)

    def _connect(self) -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if isinstance(self._target, Path):
            return asyncio.open_unix_connection(str(self._target))
        return asyncio.open_connection(*self._target)

    def _spawn(self, pump: Awaitable[None], both: set[asyncio.StreamWriter]) -> None:
        async def run() -> None:
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await pump
            finally:
                for writer in both:
                    self._writers.discard(writer)
                    writer.transport.abort()

        task = self._loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what the client says; cut the line where a test asked for it."""
        while piece := await reader.read(_BLOCK):
            await self._hold()
            writer.write(piece)
            await writer.drain()
            if self._cuts_left > 0 and self._cut_after in piece:
                self._cuts_left -= 1
                self.cuts += 1
                return

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_BLOCK):
            await self._hold()
            writer.write(piece)
            await writer.drain()
        # What was written is flushed before the line closes.
        writer.close()
        await writer.wait_closed()

    async def _hold(self) -> None:
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        await self._open.wait()
