"""Setup of a budget that a client is given: checked, and the bucket of the client's credentials in it."""

from urllib.parse import urljoin

from evenergy._transport.budget import Budget, bucket_of
from evenergy._transport.session import Options
from evenergy._transport.shares import LocalBudget
from evenergy.auth import Auth, AuthorizationCode, BearerToken, ClientCredentials
from evenergy.errors import InvalidArgumentError


def checked(value: Budget | LocalBudget) -> Budget | LocalBudget:
    """Return a budget that the caller gave, if it is one.

    Raises:
        InvalidArgumentError: It is none.
    """
    if isinstance(value, LocalBudget):
        return value
    missing = [
        name for name in ("take", "settle", "holds", "close", "share", "required", "bucket") if not hasattr(value, name)
    ]
    if missing or isinstance(value, type):
        raise InvalidArgumentError(
            "expected budget as a SQLiteBudget, a RedisBudget, a LocalBudget, an object with their methods, or None,"
            f" got {type(value).__name__}{f' without {missing[0]}' if missing else ''}"
        )
    return value


def bucket(auth: Auth | None, options: Options, budget: Budget | LocalBudget) -> str:
    """Return the bucket of credentials, or "" for a budget of one client.

    Processes with the same credentials have the same bucket, whatever their tokens are.

    Raises:
        InvalidArgumentError: Nothing says which processes have the same ones.
    """
    if isinstance(budget, LocalBudget):
        return ""
    issuer = urljoin(options.base_url, "/")
    match auth:
        case ClientCredentials():
            return bucket_of(issuer, "application", auth.client_id)
        case AuthorizationCode() if options.user is not None:
            return bucket_of(issuer, "user", auth.client_id, options.user)
        case BearerToken(token):
            return bucket_of(issuer, "token", token.reveal())
        case None:
            return bucket_of(issuer, "anonymous")
        case _ if budget.bucket:
            return bucket_of(issuer, "name", budget.bucket)
        case _:
            raise InvalidArgumentError(
                f"a budget cannot tell which processes share a {type(auth).__name__}: give it a name for them, as in"
                " SQLiteBudget(path, bucket='our-app'), or, for an AuthorizationCode, give the client its user"
            )
