"""What can be wrong with a request to change a contract."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UnknownSubscription(MeterlineError):
    """there is no subscription {code!r}: `meterline subscription list` shows those that there
    are"""

    code = "unknown_subscription"


class SubscriptionCodeTaken(MeterlineError):
    """there is a subscription {code!r} already: choose another code"""

    code = "subscription_code_taken"


class InvalidQuantity(MeterlineError):
    """{quantity} cannot be a quantity: expected a number above 0 with at most 10 decimals"""

    code = "invalid_quantity"


class SubscriptionEnded(MeterlineError):
    """subscription {code} is not there at {at}: it runs from {start} to {end}. Subscribe anew, or
    give an earlier instant"""

    code = "subscription_ended"


class NotCancelled(MeterlineError):
    """subscription {code} has no cancellation that is still to come: there is nothing to take
    back"""

    code = "not_cancelled"


class AlreadyPaused(MeterlineError):
    """subscription {code} is paused at {at} already: resume it first"""

    code = "already_paused"


class NotPaused(MeterlineError):
    """subscription {code} is not paused at {at}: there is nothing to resume"""

    code = "not_paused"


class CurrencyDiffers(MeterlineError):
    """plan {plan} is in {plan_currency}, account {account} in {account_currency}: choose a plan
    in the account's currency"""

    code = "currency_differs"


class UnknownOverride(MeterlineError):
    """plan {plan} has no price {price}: overrides are by the codes of its prices ({known})"""

    code = "unknown_override"


class UnknownDiscount(MeterlineError):
    """there is no discount {code!r} in the catalogue: it has {known}"""

    code = "unknown_discount"


class IdentifierTaken(MeterlineError):
    """{value} belongs to subscription {holder} from {start} to {end}: end it there first"""

    code = "identifier_taken"


class UnknownIdentifier(MeterlineError):
    """nobody holds {value} at {at}: `meterline subscription show` lists identifiers"""

    code = "unknown_identifier"
