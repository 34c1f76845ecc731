"""`/access`: the page on which a user takes back all access that was given in his name.

It asks for the password alone: what it does opens nothing.
"""

from connectors.sandbox import pages
from connectors.sandbox.messages import FORM, Reply, Request, allow, pairs_in
from connectors.sandbox.passwords import Letter, Passwords, RefusedError
from connectors.sandbox.tokens import Tokens

PATH = "/access"
_TITLE = "Take back access"
_ASKED_AGAIN = 422


class TakingBack:
    """Answers the page."""

    def __init__(self, passwords: Passwords, tokens: Tokens) -> None:
        """Ask `passwords`, and take back `tokens`."""
        self._passwords = passwords
        self._tokens = tokens

    def answer(self, request: Request) -> Reply:
        """Return the form, or what was done."""
        allow(request, "GET", "POST")
        if request.method == "GET":
            return _page()
        is_form = request.content_type.partition(";")[0].strip().lower() == FORM
        sent = pairs_in(request.body.decode("ascii", errors="replace")) if is_form else {}
        username, password = (sent.get(name, [""])[0] for name in ("username", "password"))
        try:
            found = self._passwords.check(username, password)
        except RefusedError as error:
            return _page(error=error.words, username=username)
        user = found.user if isinstance(found, Letter) else found
        self._tokens.take_back(user.name)
        done = f"Nothing that was given in the name of {user.full_name} until now opens anything any more."
        return pages.stopped("Access taken back", done, status=200)


def _page(*, error: str = "", username: str = "") -> Reply:
    body = pages.take_back_body(PATH, error, username=username)
    return pages.page(_TITLE, body, status=_ASKED_AGAIN if error else 200, form_action="'self'")
