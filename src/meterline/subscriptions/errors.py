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


class NoTerm(MeterlineError):
    """no contract term runs at {at}: give another `when`, such as end_of_period"""

    code = "no_term"


class BaseNeeded(MeterlineError):
    """plan {plan} is an add-on to {bases}: name a subscription of one of them as its base"""

    code = "base_needed"


class NotAnAddon(MeterlineError):
    """plan {plan} is no add-on to the plan of {base} at {at}: it is taken beside {bases}"""

    code = "not_an_addon"


class BaseElsewhere(MeterlineError):
    """subscription {base} is on account {holder}, not on {account}: an add-on is on the account of
    its base"""

    code = "base_elsewhere"


class NotScheduled(MeterlineError):
    """subscription {code} has no change {number} that is still to come: `meterline subscription
    scheduled` lists those that there are"""

    code = "not_scheduled"
