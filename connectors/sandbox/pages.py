"""The sandbox's few pages for people, as HTML: one card, no scripts, everything that came from outside escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from connectors.sandbox.messages import CSS, HTML, Reply
from connectors.sandbox.passwords import CODE_SECONDS, Letter
from connectors.sandbox.style import STYLE
from connectors.sandbox.users import SCOPES, USERS, User

STYLE_PATH = "/oauth/style.css"
_PRODUCT = "Sandbox Payroll"
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Form:
    """What every form carries: the signed `ticket`, and why what was typed before was refused."""

    ticket: str
    error: str = ""


def style() -> Reply:
    """Return the style sheet."""
    return Reply(200, STYLE, (("Cache-Control", "max-age=3600"),), content_type=CSS)


def page(title: str, body: str, *, status: int = 200, form_action: str = "'none'") -> Reply:
    """Return a whole page. `form_action` says, as in its policy, where its forms lead, redirects included."""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · {_PRODUCT}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{STYLE_PATH}"></head><body><main><p class="brand">{_PRODUCT}</p>'
        f"<h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    policy = f"default-src 'none'; style-src 'self'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    headers = (
        ("Content-Security-Policy", policy),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    )
    return Reply(status, html, headers, content_type=HTML)


def stopped(title: str, words: str, *, status: int = 400) -> Reply:
    """Return a page that ends here: nothing can be done on it."""
    return page(title, f"<p>{escape(words)}</p>", status=status)


def password_body(form: Form, client: str, *, username: str = "") -> str:
    """Return the form for user name and password."""
    rows = "".join(
        f"<tr><th scope=row>{escape(user.name)}</th><td>{escape(user.password)}</td><td>{escape(user.about)}</td></tr>"
        for user in USERS.values()
    )
    return (
        f'<p class="soft">{escape(client)} asks to read data of your account. Sign in to decide.</p>'
        f"{_begin(form)}{_credentials(form.error, username)}{_buttons('Sign in', 'Cancel')}</form>"
        f"<details><summary>Who can sign in to this made-up product</summary><table>{rows}</table></details>"
    )


def take_back_body(path: str, error: str, *, username: str = "") -> str:
    """Return the form with which a user takes back what was given in his name."""
    return (
        '<p class="soft">Applications that you let read your data have to ask you again.</p>'
        f'<form method="post" action="{path}">{_error(error)}{_credentials(error, username)}'
        '<div class="row"><button class="main">Take back all access</button></div></form>'
    )


def code_body(form: Form, user: User) -> str:
    """Return the form for the code of the second factor."""
    wrong = ' aria-describedby="error" aria-invalid="true"' if form.error else ""
    name = escape(user.name)
    return (
        f"<p>A code of six digits was sent to the inbox of {name}. It is good for {CODE_SECONDS // _MINUTE} minutes. "
        f'<a href="/inbox/{name}" target="_blank" rel="noopener">Open the inbox</a></p>'
        f'{_begin(form)}<div class="code"><label for="code">Code</label><input type="text" id="code" name="code"'
        f' required inputmode="numeric" autocomplete="one-time-code" maxlength="12"{wrong} autofocus></div>'
        f"{_buttons('Go on', 'Cancel')}</form>"
    )


def consent_body(form: Form, client: str, user: User, scopes: Sequence[str]) -> str:
    """Return the question what the client may read. What the user may not read himself cannot be passed on."""
    lines = "".join(_scope(name, can_pass_on=name in user.rights) for name in scopes)
    can_allow = any(name in user.rights for name in scopes)
    return (
        f'<p class="soft">Signed in as {escape(user.full_name)} ({escape(user.name)}).</p>{_begin(form)}'
        f"<fieldset><legend>{escape(client)} asks for:</legend>{lines}</fieldset>"
        '<p class="soft">You can <a href="/access" target="_blank" rel="noopener">take it back</a> at any time.</p>'
        f"{_buttons('Allow' if can_allow else '', 'Deny', value='allow')}</form>"
    )


def inbox(user: User, letters: Iterable[tuple[Letter, bool]]) -> Reply:
    """Return the page with the codes that were sent to a user, the newest first."""
    lines = "".join(_letter(letter, is_open=is_open) for letter, is_open in letters)
    body = f'<ul class="letters">{lines}</ul>' if lines else "<p>No code was sent to this inbox yet.</p>"
    again = f'<p class="soft"><a href="/inbox/{escape(user.name)}">Look again</a></p>'
    return page(f"Inbox of {user.full_name}", body + again)


def _begin(form: Form) -> str:
    ticket = f'<input type="hidden" name="ticket" value="{escape(form.ticket)}">'
    return f'<form method="post" action="/oauth/authorize">{_error(form.error)}{ticket}'


def _error(words: str) -> str:
    return f'<p class="error" role="alert" id="error">{escape(words)}</p>' if words else ""


def _credentials(error: str, username: str) -> str:
    wrong = ' aria-describedby="error" aria-invalid="true"' if error else ""
    first, second = ("", " autofocus") if username else (" autofocus", "")
    return (
        '<label for="username">User name</label><input type="text" id="username" name="username" required'
        f' autocomplete="username" autocapitalize="none" spellcheck="false" value="{escape(username)}"{wrong}{first}>'
        '<label for="password">Password</label><input type="password" id="password" name="password" required'
        f' autocomplete="current-password"{wrong}{second}>'
    )


def _buttons(yes: str, no: str, *, value: str = "go") -> str:
    first = f'<button class="main" name="decision" value="{value}">{yes}</button>' if yes else ""
    return f'<div class="row">{first}<button name="decision" value="deny" formnovalidate>{no}</button></div>'


def _scope(name: str, *, can_pass_on: bool) -> str:
    state, note = (
        ("checked", "") if can_pass_on else ("disabled", " Your account may not read this, so you cannot allow it.")
    )
    return (
        f'<label class="scope"><input type="checkbox" name="scope" value="{name}" {state}>'
        f'<span><b>{name.capitalize()}</b><span class="soft">{SCOPES[name]}.{note}</span></span></label>'
    )


def _letter(letter: Letter, *, is_open: bool) -> str:
    at = datetime.fromtimestamp(letter.sent_at, UTC)
    state = "good for one sign-in" if is_open else "used" if letter.is_used else "no longer good"
    return (
        f'<li><code>{letter.code}</code><br><span class="soft">Sent '
        f'<time datetime="{at.isoformat(timespec="seconds")}">{at:%d %B, %H:%M:%S} UTC</time>, {state}</span></li>'
    )
