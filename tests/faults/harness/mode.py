"""How the faults run: the short ones in `make test`, all in `make faults`, each without its guard in `make guards`.

PATCHBAY_FAULTS=guards-in makes the runs of `make guards` with every guard in its place: all must hold, in spite of the
shorter waits. What fails only without a guard fails because of it.
"""

from __future__ import annotations

import os

_MODE = os.environ.get("PATCHBAY_FAULTS", "")
IS_WHOLE = _MODE == "all"
IS_OF_GUARDS = _MODE in {"guards", "guards-in"}
ARE_GUARDS_IN = _MODE == "guards-in"


class Patience:
    """How long is waited, as a part of what a test says: all of it, but in `make guards` less once the fault happened.

    With a guard out mostly nothing comes that is waited for, and waits are longer than needed anyway.
    """

    def __init__(self) -> None:
        self.part = 1.0

    def begin(self) -> None:
        """Wait in full for what a fault needs before it happens."""
        self.part = 1.0

    def shorten(self) -> None:
        """Wait less from now on, in `make guards`."""
        self.part = 0.4 if IS_OF_GUARDS else 1.0


PATIENCE = Patience()
