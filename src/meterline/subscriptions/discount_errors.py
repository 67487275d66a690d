"""What can be wrong with giving discounts and redeeming promotion codes."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class DiscountHeld(MeterlineError):
    """{holder} has discount {code} already: end it first, or let it be"""

    code = "discount_held"


class DiscountNotHeld(MeterlineError):
    """{holder} has no discount {code} that could end at {at}: `meterline discount list` shows
    those that there are"""

    code = "discount_not_held"


class DiscountInPast(MeterlineError):
    """a discount begins or ends today or later, not on {day}: for what was billed too high, issue a
    credit note with `meterline invoice adjust`"""

    code = "discount_in_past"


class UnknownPromotion(MeterlineError):
    """there is no promotion code {code!r}"""

    code = "unknown_promotion"


class PromotionNotYet(MeterlineError):
    """promotion code {code} is taken from {day} on"""

    code = "promotion_not_yet"


class PromotionExpired(MeterlineError):
    """promotion code {code} has expired: its last day was {day}"""

    code = "promotion_expired"


class PromotionUsedUp(MeterlineError):
    """promotion code {code} is used up: it was redeemed {limit} times"""

    code = "promotion_used_up"


class PromotionUsedByCustomer(MeterlineError):
    """customer {customer} has redeemed promotion code {code} as often as one may ({limit})"""

    code = "promotion_used_by_customer"


class PromotionNotForPlan(MeterlineError):
    """promotion code {code} is not for plan {plan}: it is for {plans}"""

    code = "promotion_not_for_plan"
