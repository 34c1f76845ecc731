"""Checks passwords and second factors, counts wrong tries, and locks: all in memory, so a restart forgets it.

Five wrong passwords in a row lock a user for 15 minutes. A code has six digits, is good once and for five minutes;
three wrong ones end the question, which then counts as a wrong password.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.sandbox.messages import same
from connectors.sandbox.users import USERS, User

MOST_WRONG_PASSWORDS, LOCK_SECONDS = 5, 15 * 60
MOST_WRONG_CODES, CODE_SECONDS = 3, 5 * 60
_CODE_DIGITS = 6
# Bounds on what anybody can make us remember; beyond them the oldest goes.
_MOST_NAMES, _LONGEST_NAME, _MOST_LETTERS = 1000, 100, 10

Clock = Callable[[], float]


class RefusedError(Exception):
    """A sign-in that is refused; the text says why. With no tries left the user begins anew, or waits.

    `locked_seconds` is None where the lock does not end by itself.
    """

    def __init__(self, code: str, words: str, *, tries_left: int, locked_seconds: int | None = None) -> None:
        """Say why, as a code (invalid_credentials, account_locked, mfa_failed) and in words."""
        super().__init__(words)
        self.code, self.tries_left, self.locked_seconds = code, tries_left, locked_seconds

    @property
    def words(self) -> str:
        """The text, and how many tries are left where there are some."""
        if self.tries_left == 0:
            return str(self)
        return f"{self} {self.tries_left} {'try is' if self.tries_left == 1 else 'tries are'} left."


@dataclass(slots=True)
class Letter:
    """A code in somebody's inbox, and the question that it answers."""

    id: str = field(repr=False)
    user: User
    code: str = field(repr=False)
    sent_at: float
    tries_left: int = MOST_WRONG_CODES
    is_used: bool = False

    def is_open(self, now: float) -> bool:
        """Whether the code still signs in."""
        return not self.is_used and self.tries_left > 0 and now < self.sent_at + CODE_SECONDS


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    locked_until: float = 0.0


class Passwords:
    """The door: who may in, and who has to answer a second question. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        """Start with no wrong tries; `clock` gives seconds since 1970."""
        self._clock = clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._letters: dict[str, list[Letter]] = {name: [] for name in USERS}
        self._lock = threading.Lock()

    def check(self, name: str, password: str) -> User | Letter:
        """Return the user, or the letter with the code that is asked for; raise RefusedError."""
        name = name.strip().lower()[:_LONGEST_NAME]
        with self._lock:
            user = USERS.get(name)
            self._refuse_locked(name, user)
            if not same(password, user.password if user else secrets.token_hex()) or user is None:
                self._count_wrong(name)
                left = MOST_WRONG_PASSWORDS - self._tries[name].wrong
                raise RefusedError("invalid_credentials", "User name or password is wrong.", tries_left=left)
            if user.has_second_factor:
                return self._send(user)
            self._tries.pop(name, None)
            return user

    def check_code(self, letter_id: str, code: str) -> User:
        """Return the user whose code was typed; raise RefusedError."""
        with self._lock:
            letter = self._open_letter(letter_id)
            if letter is None:
                raise RefusedError("mfa_failed", "This code is not asked for any more. Sign in again.", tries_left=0)
            self._refuse_locked(letter.user.name, letter.user)
            if not same("".join(code.split()), letter.code):
                letter.tries_left -= 1
                if letter.tries_left == 0:
                    self._count_wrong(letter.user.name)
                raise RefusedError("mfa_failed", "The code is wrong.", tries_left=letter.tries_left)
            letter.is_used = True
            self._tries.pop(letter.user.name, None)
            return letter.user

    def inbox(self, name: str) -> list[tuple[Letter, bool]] | None:
        """Return the letters of a user, the newest first, and of each whether its code is good; None for nobody."""
        now = self._clock()
        with self._lock:
            letters = self._letters.get(name)
            return None if letters is None else [(letter, letter.is_open(now)) for letter in reversed(letters)]

    def _send(self, user: User) -> Letter:
        code = f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}"
        letter = Letter(secrets.token_urlsafe(24), user, code, self._clock())
        self._letters[user.name] = [*self._letters[user.name], letter][-_MOST_LETTERS:]
        return letter

    def _open_letter(self, letter_id: str) -> Letter | None:
        now = self._clock()
        letters = [letter for kept in self._letters.values() for letter in kept]
        return next((one for one in letters if same(letter_id, one.id) and one.is_open(now)), None)

    def _refuse_locked(self, name: str, user: User | None) -> None:
        if user is not None and user.is_locked:
            words = "The account is locked. An administrator can unlock it."
            raise RefusedError("account_locked", words, tries_left=0)
        tries = self._tries.get(name)
        if tries is not None and tries.locked_until > self._clock():
            seconds = max(1, round(tries.locked_until - self._clock()))
            words = f"Too many wrong tries. The account is locked for {-(-seconds // 60)} more minutes."
            raise RefusedError("account_locked", words, tries_left=0, locked_seconds=seconds)

    def _count_wrong(self, name: str) -> None:
        """Count a wrong try; raise RefusedError where it is the one that locks."""
        tries = self._tries.setdefault(name, _Tries())
        self._tries.move_to_end(name)
        if len(self._tries) > _MOST_NAMES:
            self._tries.popitem(last=False)
        tries.wrong += 1
        if tries.wrong >= MOST_WRONG_PASSWORDS:
            tries.wrong, tries.locked_until = 0, self._clock() + LOCK_SECONDS
            self._refuse_locked(name, None)
