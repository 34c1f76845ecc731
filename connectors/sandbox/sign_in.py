"""The API's own sign-in: user name and password for a token, with a code in between where the user has a second factor.

`POST /v1/sign-in` {"username", "password"} and `POST /v1/sign-in/code` {"challenge", "code"}.
"""

from connectors.sandbox.messages import ApiError, Reply, Request, allow, object_in
from connectors.sandbox.passwords import CODE_SECONDS, Letter, Passwords, RefusedError
from connectors.sandbox.tokens import SESSION_SECONDS, Tokens, new_grant
from connectors.sandbox.users import User

PATHS = ("/v1/sign-in", "/v1/sign-in/code")
_NO_STORE = (("Cache-Control", "no-store"),)
_LOCKED = 403


class SignInApi:
    """Answers both addresses."""

    def __init__(self, passwords: Passwords, tokens: Tokens) -> None:
        """Ask `passwords`, and give out `tokens`."""
        self._passwords = passwords
        self._tokens = tokens

    def answer(self, request: Request) -> Reply:
        """Return a token or a question for a code; raise ApiError for a refusal."""
        allow(request, "POST")
        sent = object_in(request)
        names = ("username", "password") if request.path == PATHS[0] else ("challenge", "code")
        if missing := [name for name in names if not sent.get(name)]:
            raise ApiError(400, "invalid_request", f"Send a text for {' and '.join(missing)}.")
        first, second = (sent[name] for name in names)
        try:
            if request.path == PATHS[0]:
                found = self._passwords.check(first, second)
                return _asked(found) if isinstance(found, Letter) else self._signed_in(found)
            return self._signed_in(self._passwords.check_code(first, second))
        except RefusedError as error:
            raise _refused(error) from None

    def _signed_in(self, user: User) -> Reply:
        scopes = tuple(sorted(user.rights))
        token = self._tokens.give("session", user.name, scopes, grant=new_grant(), seconds=SESSION_SECONDS)
        return Reply(200, {"token": token, "expires_in": SESSION_SECONDS, "scope": " ".join(scopes)}, _NO_STORE)


def _asked(letter: Letter) -> Reply:
    message = f"A code of six digits was sent to the inbox of {letter.user.name}."
    return Reply(200, {"challenge": letter.id, "expires_in": CODE_SECONDS, "message": message}, _NO_STORE)


def _refused(error: RefusedError) -> ApiError:
    headers = (("Retry-After", str(error.locked_seconds)),) if error.locked_seconds else ()
    status = _LOCKED if error.code == "account_locked" else 401
    challenge = () if status == _LOCKED else (("WWW-Authenticate", "Bearer"),)
    return ApiError(status, error.code, str(error), *headers, *challenge, tries_left=error.tries_left)
