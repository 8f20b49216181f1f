"""Being asked to stop: by Ctrl-C, or by whatever manages the process."""

import signal
from types import FrameType, TracebackType


class StopRequest:
    """While entered, remembers the signal that asks the program to stop instead of ending it.

    SIGBREAK is what Windows has in place of SIGTERM.
    """

    received: signal.Signals | None = None

    def __enter__(self) -> "StopRequest":
        names = ("SIGINT", "SIGTERM", "SIGBREAK")
        known = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._before = {number: signal.signal(number, self._remember) for number in known}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _remember(self, number: int, _: FrameType | None) -> None:
        self.received = signal.Signals(number)

    @property
    def exit_code(self) -> int:
        """As shells have it: 128 and the number of the signal."""
        return 128 + self.received
