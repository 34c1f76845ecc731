"""What a person sees and fills in for Sandbox Payroll, and the tables that it has."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.providers.actions import Action, ActionField
from connectors.providers.feed import Column
from connectors.providers.manifest import Advice, Field, Manifest, Product, SignIn

KEY = "id"
CURSOR = "updated_at"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of the API that becomes a table: its address below the company, and its fields."""

    path: str
    columns: tuple[Column, ...]


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "text", nullable=name != KEY) for name in names)


def _whole(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "bigint") for name in names)


def _dates(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "date") for name in names)


def _json(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "json") for name in names)


_UPDATED = (Column(CURSOR, "timestamp"),)

# Nested objects stay one JSON column each, so that a table of the API is one table at the destination.
COLLECTIONS: dict[str, Collection] = {
    "employees": Collection(
        "employees",
        _text(KEY, "company_id")
        + _whole("employee_number")
        + _text("first_name", "last_name", "email", "department", "title", "employment_type")
        + _dates("hire_date", "termination_date")
        + _json("salary", "address")
        + _UPDATED,
    ),
    "pay_runs": Collection(
        "pay-runs",
        _text(KEY, "company_id")
        + _dates("period_start", "period_end", "pay_date")
        + _text("frequency", "status")
        + _json("totals")
        + _UPDATED,
    ),
    "pay_statements": Collection(
        "pay-statements",
        _text(KEY, "company_id", "employee_id", "pay_run_id")
        + _dates("pay_date")
        + _text("currency")
        + _whole("gross", "net")
        + _json("taxes", "deductions")
        + _UPDATED,
    ),
    "benefit_enrollments": Collection(
        "benefit-enrollments",
        _text(KEY, "company_id", "employee_id", "plan_id", "plan_name", "coverage", "status")
        + _dates("start_date", "end_date")
        + _json("contribution")
        + _UPDATED,
    ),
}

_ADDRESS = Field(
    "base_url",
    "Address",
    "Where the API answers, such as https://payroll.example.com.",
    type="url",
    by_operator=True,
    default_setting="PATCHBAY_SANDBOX_URL",
)
_API_KEY = Field("api_key", "API key", type="password", is_secret=True)
# The password signs in once and is stored nowhere: the token that it gives is.
_USER = (Field("username", "User name"), Field("password", "Password", type="password", is_secret=True))

ENROL = Action(
    name="enroll_benefits",
    label="Enrol in benefits",
    verb="Enrol",
    done="enrolled",
    sentence="Enrols people of a company in one of its benefit plans, at Sandbox Payroll.",
    undo="Patchbay cannot take an enrolment back: end it at Sandbox Payroll.",
    review="{lines} will be enrolled in {plan_id} at {entity} from {start_date}",
    fields=(
        ActionField("employee_id", "People", "some_of", offers="employees", words=("person", "people")),
        ActionField("plan_id", "Plan", "one_of", offers="benefit-plans", words=("plan", "plans")),
        ActionField(
            "coverage",
            "Covers",
            "choice",
            "Not every plan offers each of them.",
            choices=(
                ("employee", "The employee alone"),
                ("employee_partner", "With a partner"),
                ("employee_children", "With children"),
                ("family", "The whole family"),
            ),
            is_private=True,
        ),
        ActionField("start_date", "Starts on", "date", "At most a month ago or a year ahead."),
        ActionField(
            "contribution",
            "Employee pays a month",
            "money",
            "In the company's currency, such as 25.50. The plan bounds it.",
            is_private=True,
        ),
    ),
    scopes=("benefits",),
)

MANIFEST = Manifest(
    kind="sandbox_payroll",
    name="Sandbox Payroll",
    tile="Sp",
    tile_hue=3,
    category="Payroll",
    description="People, pay runs, pay statements and benefits of every company that the key can see.",
    auth_method="API key",
    integration_type="api",
    fields=(_ADDRESS, _API_KEY),
    products=(
        Product("workforce", "Workforce", ("employees",)),
        Product("payroll", "Payroll", ("pay_runs", "pay_statements")),
        Product("benefits", "Benefits", ("benefit_enrollments",), changes="Enrol people in benefit plans"),
    ),
    multi_entity=True,
    entity_word="company",
    guide=(
        Advice("Make an API key for Patchbay alone, so that it can be withdrawn without harm to others."),
        Advice("Give it read access to every company that should be copied. Each company syncs on its own."),
        Advice("Let it write benefits too, if people shall be enrolled from here."),
    ),
    version="1.2.0",
    sign_ins=(
        SignIn(
            "oauth2", "Sign in at Sandbox Payroll", (), "You type your password there only, and choose what is read."
        ),
        SignIn(
            "credentials_mfa", "User name and password", _USER, "They are used once, for this sign-in, and not stored."
        ),
        SignIn("api_key", "API key", (_API_KEY,), "For whoever administers the account: it shows every company."),
    ),
    actions=(ENROL,),
)
