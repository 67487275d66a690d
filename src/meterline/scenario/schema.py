"""The JSON Schema of scenario files, with what editors show of each key."""

from __future__ import annotations

import json
from typing import Any

from meterline.catalog.schema import DIALECT, as_written, catalog_schema, described
from meterline.scenario.files import ScenarioFile

WORDS = {
    ".accounts": "The accounts that take part, by name.",
    ".steps": "What happens, in order; the clock never goes back.",
    "AccountSpec.currency": "ISO 4217; the catalogue's if left out.",
    "AccountSpec.billing_day": "1 to 31, or anniversary: of each subscription's own start.",
    "AccountSpec.timezone": "IANA zone; the catalogue's if left out.",
    "AccountSpec.region": "For taxes.",
    "AccountSpec.parent": "Name of the account above it.",
    "AccountSpec.balances": "Prepaid balances, by name.",
    "BalanceSpec.limit": "How far below zero it may go.",
    "do": "What happens.",
    "account": "Name of the account.",
    "subscription": "Name given with `as`.",
    "plan": "Code of the plan.",
    "price": "Code of the price.",
    "amount": "Exact amount.",
    "quantity": "How many units.",
    "balance": "Name of the prepaid balance.",
    "expect": "What must come of it.",
    "when": "policy: as the plan's policy says; now, end_of_period, end_of_term, or a date.",
    "net": "Before tax.",
    "tax": "All taxes together.",
    "total": "Net and tax.",
    "from": "First instant or day.",
    "to": "End, excluded.",
    "meter": "Code of the meter.",
    "event": "Properties of the event.",
    "invoice": "Name given with `as` in an expected invoice.",
    "id": "Of the usage record.",
    "Adjust.line": "The line that is credited.",
    "Bill.until": "Bill what is due then; default: now.",
    "Bill.accounts": "Only these accounts.",
    "Bill.preview": "Only look: nothing is issued.",
    "Bill.progressive": "Usage to date, in mid-period.",
    "Bill.expect": "The invoices that it makes; [] for none.",
    "Charging.units": "How much is asked for.",
    "Charging.session": "Reservations of one session belong together.",
    "ExpectedGrant.granted": "What was granted.",
    "ExpectedGrant.balance": "What is left afterwards.",
    "ExpectedInvoice.lines": "Each must match one made line, and none may be left over.",
    "ExpectedInvoice.credit_applied": "Credit of the account that it used.",
    "ExpectedInvoice.due": "Total less the credit used.",
    "ExpectedLine.kind": "What sort of charge it is.",
    "ExpectedLine.band": "The band of time.",
    "ExpectedLine.allowance": "Code of the allowance that it used.",
    "ExpectedRate.reject": "The reason for which it is rejected.",
    "ExpectedState.balance": "What is owed: invoices less payments and credit.",
    "ExpectedState.receivable": "As the ledger has it.",
    "ExpectedState.credit": "Credit that can be used.",
    "ExpectedState.overdue": "What is past its due date.",
    "ExpectedState.allowances": "What is left, by code.",
    "GiveDiscount.discount": "Code of the discount.",
    "Redeem.promotion": "The promotion code.",
    "Redeem.refused": "The reason for which it is refused.",
    "Subscribe.promotion": "The promotion code that is redeemed with it.",
    "Parallel.steps": "These happen at once, in any order.",
    "Publish.catalog": "Catalogue entries, or the path of their file.",
    "Rate.card": "Code of the rate card; or plan and price.",
    "SetBillingDay.day": "1 to 31, or anniversary.",
    "Subscribe.as": "Its name in this scenario.",
    "Subscribe.overrides": "Fields of prices that are its own, by price.",
    "Subscribe.discounts": "Codes of discounts.",
    "Subscribe.identifiers": "By kind: msisdn, imsi, meter, ip, or any word.",
    "Usage.identifier": "Who used it; or `subscription`.",
    "Usage.properties": "What else is known of the event.",
    "Usage.count": "So many equal events.",
    "Usage.end": "When it ended.",
    "serial": "What stands on the meter.",
    "registers": "By name.",
    "final": "What each register shows at last.",
    "first": "What each register shows at first.",
    "ExchangeMeter.new": "What stands on the meter that comes.",
    "GasFactor.zone": "Where the gas comes from.",
    "GasFactor.calorific_value": "MJ a cubic metre.",
    "GasFactor.correction_factor": "From measured to normal cubic metres.",
    "GasFactor.decimals": "To which energy is rounded.",
    "InstallMeter.identifier": "The place of supply, an identifier of contracts.",
    "ReadMeter.register": "Its name; left out where there is one.",
    "ReadMeter.value": "What it shows.",
    "ReadMeter.quality": "Who read it, or how it was found.",
    "ReadMeter.held": "Why it must be held for review.",
    "RegisterSpec.dials": "Whole digits, after which it begins at 0 again.",
    "RegisterSpec.decimals": "Digits after the point.",
    "RegisterSpec.multiplier": "What one of it stands for.",
    "RegisterSpec.unit": "What it counts.",
    "RegisterSpec.direction": "import: taken; export: fed in.",
    "RegisterSpec.band": "The band of time in which it counts.",
    "RegisterSpec.profile": "Code of the profile by which it is shared over time.",
    "VirtualRegister.code": "Its name.",
    "VirtualRegister.identifier": "Whose usage it is.",
    "VirtualRegister.parts": "What is added and taken away.",
    "UsageFile.path": "Of the usage file, from the scenario file.",
    "UsageFile.format": "Recognised from the content if left out.",
}


def scenario_schema() -> dict[str, Any]:
    """The schema of one document; a catalogue in it is checked as a catalogue file is."""
    schema = as_written(ScenarioFile.model_json_schema(by_alias=True))
    catalogue = _apart(catalog_schema())
    schema["$defs"] |= {f"catalogue_{name}": one for name, one in catalogue.pop("$defs").items()}
    schema["$defs"]["Catalogue"] = {
        name: value for name, value in catalogue.items() if name != "$schema"
    }
    for part in (schema, schema["$defs"]["Parallel"]):
        steps = part["properties"]["steps"]
        steps["items"] = _by_word(steps["items"]["discriminator"]["mapping"])
    one_of = {"anyOf": [{"$ref": "#/$defs/Catalogue"}, {"type": "string"}]}
    schema["properties"]["catalog"] |= one_of
    schema["$defs"]["Publish"]["properties"]["catalog"] |= one_of
    return described({"$schema": DIALECT, **schema}, WORDS)


def _apart(catalogue: dict[str, Any]) -> dict[str, Any]:
    """The catalogue's schema with names that do not meet those of scenarios."""
    text = json.dumps(catalogue).replace('"#/$defs/', '"#/$defs/catalogue_')
    apart: dict[str, Any] = json.loads(text)
    return apart


def _by_word(mapping: dict[str, str]) -> dict[str, Any]:
    """A step has the keys of its `do`: editors tell its faults alone."""
    return {
        "type": "object",
        "required": ["do"],
        "properties": {"do": {"enum": sorted(mapping), "description": WORDS["do"]}},
        "allOf": [
            {
                "if": {"properties": {"do": {"const": word}}, "required": ["do"]},
                "then": {"$ref": reference},
            }
            for word, reference in sorted(mapping.items())
        ],
    }
