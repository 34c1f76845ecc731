"""Who can sign in at the sandbox. All of it is made up and public, as is all that it opens.

| user    | password         | what is special                                                        |
|---------|------------------|------------------------------------------------------------------------|
| nora    | payroll-nora     | nothing: sees every company, has no second factor                      |
| milan   | payroll-milan    | a code is asked for; it lies in the inbox, `/inbox/milan`              |
| lars    | payroll-lars     | the account is locked                                                  |
| wanda   | payroll-wanda    | may read people, but neither pay runs, pay statements nor benefits     |
| sonja   | payroll-sonja    | sees one company only                                                  |
| egon    | payroll-egon     | sees no company at all                                                 |

What was given in a user's name can be taken back on the page `/access`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

WORKFORCE, PAYROLL, BENEFITS = "workforce", "payroll", "benefits"
# What each scope lets a client do, in the words of the consent page.
SCOPES: Mapping[str, str] = MappingProxyType(
    {
        WORKFORCE: "The people of your companies: names, addresses, jobs and salaries",
        PAYROLL: "Pay runs and pay statements: what was paid, withheld and deducted",
        BENEFITS: "Benefit plans and who is enrolled in them, and enrolling people",
    }
)
# What a client gets that names none: nothing with which it could change anything.
USUAL_SCOPES = (WORKFORCE, PAYROLL)


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. `company_ids` is None for every company; `rights` are scopes that he can pass on."""

    name: str
    full_name: str
    password: str = field(repr=False)
    about: str
    has_second_factor: bool = False
    is_locked: bool = False
    rights: frozenset[str] = frozenset(SCOPES)
    company_ids: frozenset[str] | None = None


_ALL = (
    User("nora", "Nora Lindqvist", "payroll-nora", "sees every company"),
    User("milan", "Milan Horvat", "payroll-milan", "is asked for a code", has_second_factor=True),
    User("lars", "Lars Aune", "payroll-lars", "is locked", is_locked=True),
    User("wanda", "Wanda Mazur", "payroll-wanda", "may not read payroll", rights=frozenset({WORKFORCE})),
    User("sonja", "Sonja Weber", "payroll-sonja", "sees one company", company_ids=frozenset({"co_halden_foods"})),
    User("egon", "Egon Falk", "payroll-egon", "sees no company", company_ids=frozenset()),
)
USERS: Mapping[str, User] = MappingProxyType({user.name: user for user in _ALL})
