"""Command prefixes: which account a server runs under, and what becomes of it when we are killed.

PostgreSQL refuses to run as root. Under root its processes therefore get an unprivileged account, and of all of root's
rights only the one to pass folders closed to that account (a checkout below ``/root``, a home folder of mode 700):
opening such folders is not our business. ``setpriv`` (util-linux, on every Debian and Ubuntu) does both and then
becomes the program itself, so the process stays our direct child.
"""

import functools
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from dashboard.stack.errors import StackError

ACCOUNTS = ("postgres", "nobody")
# Bits of the kernel's capability sets (linux/capability.h). Reading past folders is enough; containers often have
# only the stronger one.
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


def is_root() -> bool:
    """Say whether this process runs as root."""
    return os.geteuid() == 0


def server_account(data: Path) -> pwd.struct_passwd:
    """Return the account that owns ``data`` or, where there is none yet, the one it shall get; only asked as root.

    Raises StackError when the machine has no such account.
    """
    owner = data.stat().st_uid if data.exists() else 0
    for account in pwd.getpwall():
        if owner and account.pw_uid == owner:
            return account
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    message = "PostgreSQL does not run as root, and this machine has no account 'nobody'. Run Patchbay as another user."
    raise StackError(message)


def server_prefix(account: pwd.struct_passwd | None, death_signal: str) -> list[str]:
    """Return the words before a server's command: its account (None: ours) and the signal it gets when we die.

    Raises StackError as root on a machine without ``setpriv`` or without the right to pass closed folders.
    """
    if account is None:
        return death_prefix(death_signal)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        message = "Run Patchbay as an ordinary user: as root it needs the program setpriv (package util-linux)."
        raise StackError(message)
    right = _passing_right()
    return [
        *(setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--no-new-privs"),
        # initdb asks access(2) whether it may run postgres, and that call forgets rights granted this way without it.
        "--securebits=+no_setuid_fixup",
        *(f"--inh-caps=-all,+{right}", f"--ambient-caps=-all,+{right}"),
        *(f"--pdeathsig={death_signal}", "--"),
    ]


@functools.cache
def death_prefix(death_signal: str) -> list[str]:
    """Return the words that make Linux send ``death_signal`` to a child when we die; none where that is not offered."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return []
    words = [setpriv, f"--pdeathsig={death_signal}", "--"]
    # Old and small versions of setpriv do not know the option.
    tried = subprocess.run([*words, "true"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    return words if tried.returncode == 0 else []


def _passing_right() -> str:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next((line for line in status.splitlines() if line.startswith("CapPrm:")), "CapPrm: 0")
    owned = int(line.split()[1], 16)
    for name, bit in CAPABILITIES.items():
        if owned >> bit & 1:
            return name
    message = "This root account may not give PostgreSQL a user of its own. Run Patchbay as an ordinary user."
    raise StackError(message)
