"""Who asks the API, by what stands in the header, and how much of the account he sees."""

from dataclasses import dataclass

from connectors.sandbox.messages import ApiError, Request, same
from connectors.sandbox.tokens import TokenError, Tokens
from connectors.sandbox.users import BENEFITS, PAYROLL, SCOPES, USERS, WORKFORCE

_SCOPE_OF = {
    "employees": WORKFORCE,
    "pay-runs": PAYROLL,
    "pay-statements": PAYROLL,
    "benefit-plans": BENEFITS,
    "benefit-enrollments": BENEFITS,
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """What may be seen: companies (None for all), what its user may read, and what its token may."""

    company_ids: frozenset[str] | None = None
    rights: frozenset[str] = frozenset(SCOPES)
    scopes: frozenset[str] = frozenset(SCOPES)

    def sees(self, company_id: str) -> bool:
        """Whether the company exists, as far as this viewer is told."""
        return self.company_ids is None or company_id in self.company_ids

    def refuse_unless_allowed(self, collection: str) -> None:
        """Raise ApiError 403 where the user, or what was granted of him, does not cover the collection."""
        scope = _SCOPE_OF[collection]
        if scope not in self.rights:
            raise ApiError(403, "permission_denied", f"The user may not read “{collection}”.")
        if scope not in self.scopes:
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            words = f"“{collection}” needs the scope “{scope}”, which was not granted."
            raise ApiError(403, "insufficient_scope", words, ("WWW-Authenticate", challenge))


def viewer_of(request: Request, *, api_key: str, tokens: Tokens) -> Viewer:
    """Return who asks; raise ApiError 401 where it is nobody we know."""
    header = request.headers.get("authorization", "")
    if same(header, f"Bearer {api_key}"):
        return Viewer()
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.startswith("sbx_"):
        raise ApiError(401, "invalid_api_key", "The API key is missing or not valid.", ("WWW-Authenticate", "Bearer"))
    try:
        claims = tokens.open(text.strip(), "session", "access")
    except TokenError as error:
        challenge = f'Bearer error="invalid_token", error_description="{error}"'
        raise ApiError(401, error.code, str(error), ("WWW-Authenticate", challenge)) from None
    user = USERS[claims.user]
    return Viewer(user.company_ids, user.rights, frozenset(claims.scopes))
