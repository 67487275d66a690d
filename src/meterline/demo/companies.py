"""The three sellers of the demo group, and what their customers are like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Company:
    """A seller of the group. Shares and rates are chances a customer (a month)."""

    code: str
    letter: str
    """First letter of the codes of its customers."""
    seller: dict[str, Any]
    catalogue: str
    currency: str
    timezone: str
    country: str
    share: float
    plans: dict[str, float]
    changes: dict[str, str]
    """From which plan to which customers change."""
    regions: dict[str, float]
    billing_days: tuple[int | None, ...] = (1,)
    identifier: str
    seats: bool = False


MOBILE = Company(
    code="aria-mobile",
    letter="M",
    seller={
        "name": "Aria Mobile S.p.A.", "address": "Via della Torre 12\n20127 Milano",
        "country": "IT", "tax_id": "IT01234567897", "email": "billing@ariamobile.example.com",
        "phone": "+39 02 5550 100", "website": "https://ariamobile.example.com",
        "iban": "IT60X0542811101000000123456", "bic": "BLOPIT22", "colour": "#0f766e",
        "invoice_prefix": "ARIA", "payment_terms_days": 14,
    },
    catalogue="mobile.yaml", currency="EUR", timezone="Europe/Rome", country="IT", share=0.62,
    plans={"mobile-start": 0.45, "mobile-plus": 0.40, "mobile-max": 0.15},
    changes={"mobile-start": "mobile-plus", "mobile-plus": "mobile-max",
             "mobile-max": "mobile-plus"},
    regions={"IT": 1.0}, identifier="msisdn",
)  # fmt: skip

ELECTRICITY = Company(
    code="banksia-energy",
    letter="E",
    seller={
        "name": "Banksia Energy Pty Ltd", "address": "Level 4, 18 Harbour Road\nSydney NSW 2000",
        "country": "AU", "tax_id": "", "email": "accounts@banksia.example.com",
        "phone": "+61 2 5550 4400", "website": "https://banksia.example.com", "iban": "",
        "bic": "", "colour": "#b45309", "invoice_prefix": "BNK", "payment_terms_days": 21,
    },
    catalogue="electricity.yaml", currency="AUD", timezone="Australia/Sydney", country="AU",
    share=0.13, plans={"power-flat": 0.45, "power-steps": 0.30, "power-time": 0.25},
    changes={"power-flat": "power-steps", "power-steps": "power-flat",
             "power-time": "power-time"},
    regions={"AU": 1.0}, identifier="meter",
)  # fmt: skip

SOFTWARE = Company(
    code="quillstack",
    letter="Q",
    seller={
        "name": "Quillstack Inc.", "address": "240 Union Street\nNew York NY 10001",
        "country": "US", "tax_id": "", "email": "billing@quillstack.example.com",
        "phone": "+1 212 555 0142", "website": "https://quillstack.example.com", "iban": "",
        "bic": "", "colour": "#4338ca", "invoice_prefix": "QS", "payment_terms_days": 30,
    },
    catalogue="software.yaml", currency="USD", timezone="America/New_York", country="US",
    share=0.25, plans={"team": 0.5, "business": 0.3, "team-yearly": 0.2},
    changes={"team": "business", "business": "team", "team-yearly": "business"},
    regions={"US-NY": 0.5, "US-WA": 0.3, "US-OR": 0.2}, billing_days=(1, 1, 15, None),
    identifier="key", seats=True,
)  # fmt: skip

COMPANIES = (MOBILE, ELECTRICITY, SOFTWARE)
