"""What the registry says about signing in and being allowed to read."""

from __future__ import annotations

from connectors.errors.kinds import (
    AUTH,
    CONFIG,
    ENDED,
    SYNC_NOW,
    Action,
    ErrorEntry,
)

ENTRIES = (
    ErrorEntry(
        code="invalid_credentials",
        short="Sign-in refused",
        title="{source} refused the sign-in",
        cause="The user name, password or API key that is stored here is not accepted any more. It was changed or "
        "removed at the source, or typed wrong. Patchbay does not try again by itself, so that the account is not "
        "locked.",
        who="operator",
        end_user_text="Your sign-in was refused. Connect again with the current password or key.",
        actions=(
            Action(
                "Renew the credentials",
                "Ask the owner of {source} for the current password or key and store it in this connection.",
                "edit_credentials",
            ),
            Action("Sync again", "After the credentials are right, one run brings everything up to date.", "sync_now"),
        ),
        retry=AUTH,
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="account_locked",
        short="Account locked",
        title="{source} has locked the account",
        cause="The source refuses every sign-in of this account, usually after too many wrong ones. Patchbay does not "
        "try again by itself, so that it is not locked for longer.",
        who="operator",
        end_user_text="Your account is locked at the service. Unlock it there, then connect again.",
        actions=(
            Action(
                "Unlock the account", "An administrator of {source} can do that, then sync again.", "edit_credentials"
            ),
            SYNC_NOW,
        ),
        retry=AUTH,
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="mfa_required",
        short="Second factor needed",
        title="{source} asks for a second factor",
        cause="The sign-in needs a code that only a person has. Patchbay cannot answer that by itself.",
        who="end_user",
        end_user_text="The service asks for a code. Connect again and enter it.",
        actions=(
            Action("Connect again with the code", "Or use an account that needs no second factor.", "edit_credentials"),
            SYNC_NOW,
        ),
        retry=AUTH,
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="mfa_failed",
        short="Code refused",
        title="{source} refused the second factor",
        cause="The code of the second factor was wrong or came too late.",
        who="end_user",
        end_user_text="The code was not accepted. Connect again and enter the newest one.",
        actions=(
            Action("Connect again with the newest code", "Codes are valid for a short time only.", "edit_credentials"),
            SYNC_NOW,
        ),
        retry=AUTH,
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="token_revoked",
        short="Access revoked",
        title="{source} has revoked the access",
        cause="The permission that was given to Patchbay was taken back at the source.",
        who="end_user",
        end_user_text="Access was taken back. Connect again to go on syncing.",
        actions=(
            Action("Connect again", "The owner of the account gives access anew.", "edit_credentials"),
            SYNC_NOW,
        ),
        retry=AUTH,
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="token_expired",
        short="Access expired",
        title="The access to {source} has expired",
        cause="The stored token is too old and could not be renewed by itself.",
        who="end_user",
        end_user_text="Your sign-in has expired. Connect again to go on syncing.",
        actions=(
            Action("Connect again", "A new sign-in gives a new token.", "edit_credentials"),
            SYNC_NOW,
        ),
        retry=AUTH,
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="consent_revoked",
        short="Consent withdrawn",
        title="The consent to read {source} was withdrawn",
        cause="The person who connected this account does not allow it to be read any more.",
        who="end_user",
        end_user_text="You withdrew your consent, so nothing is read any more.",
        actions=(Action("Ask for consent again", "Without it Patchbay reads nothing.", "edit_credentials"),),
        retry=AUTH,
        breaks=True,
        holds=True,
    ),
    ErrorEntry(
        code="session_expired",
        short="Session expired",
        title="The connect session has expired",
        cause="The link was not used in time, or the person was away for too long.",
        who="end_user",
        end_user_text="This session has expired. Ask for a new link.",
        actions=(Action("Send a new link", "An old one cannot be used again."),),
        retry=ENDED,
    ),
    ErrorEntry(
        code="insufficient_permissions",
        short="Permission missing",
        title="{source} does not let this account read the data",
        cause="The sign-in works, but the account may not read one of the selected tables.",
        who="operator",
        end_user_text="The account you connected may not read the data. Ask your administrator to allow it.",
        actions=(
            Action("Grant the account read access", "The log names the table that was refused."),
            SYNC_NOW,
        ),
        retry=CONFIG,
        breaks=True,
    ),
    ErrorEntry(
        code="insufficient_scope",
        short="Scope missing",
        title="The access to {source} does not cover the data",
        cause="The sign-in works, but the scopes that were granted do not include one of the selected products.",
        who="end_user",
        end_user_text="The access you gave does not cover all data. Connect again and allow it.",
        actions=(
            Action("Connect again with all scopes", "The log names the one that is missing.", "edit_credentials"),
            SYNC_NOW,
        ),
        retry=CONFIG,
        breaks=True,
    ),
    ErrorEntry(
        code="entity_access_lost",
        short="Access withdrawn",
        title="{source} no longer gives access to {entity}",
        cause="The sign-in works and other companies still sync, but this company withdrew its access or was closed.",
        who="end_user",
        end_user_text="Access to this company was withdrawn. Give it again to go on syncing.",
        actions=(
            Action("Ask the company to give access again", "In {source} an administrator of the company can allow it."),
            SYNC_NOW,
        ),
        retry=CONFIG,
        breaks=True,
    ),
)
