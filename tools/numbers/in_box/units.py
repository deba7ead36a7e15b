"""Says whether two numbers may be one quantity in two units, by the words of the line that they stand in.

Knows ratios and unit words, not which number has which unit: it speaks for a calculation, never against one.
"""

from __future__ import annotations

import re
from fractions import Fraction

# words of a kind of unit, and the ratios between units of that kind
_KINDS = (
    (r"seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?|daily|weekly|monthly|yearly|annual\w*",
     (4, 7, 12, 24, 28, 30, 31, 52, 60, 168, 365, 366, 1440, 3600, 10080)),
    (r"cents?|penn(?:y|ies)|dollars?|euros?|pence", (100,)),
    (r"dimes?|nickels?|quarters?", (4, 5, 10, 20, 25, 100)),
    (r"percent\w*|per\s+cent|fraction|probability|ratio|proportion", (100,)),
    (r"inch(?:es)?|feet|foot|ft|yards?|miles?", (3, 12, 36, 1760, 5280)),
    (r"[mck]m|m|dm|m?g|kg|m?l|cl|lit(?:er|re)s?|met(?:er|re)s?|grams?|(?:kilo|milli|centi)\w+|tons?|tonnes?",
     (10, 100, 1000, 10**6)),
    (r"pounds?|lbs?|ounces?|oz|tons?|stones?", (14, 16, 2000, 2240)),
    (r"cups?|pints?|quarts?|gallons?|(?:table|tea)spoons?|tbsp|tsp|fl", (2, 3, 4, 8, 16, 48, 128)),
    (r"dozens?|pairs?|gross|scores?|couples?", (2, 12, 20, 144)),
    (r"bits?|bytes?|[kmgt]i?bp?s?", (8, 1000, 1024, 10**6, 2**20)),
    (r"k|thousands?|millions?|billions?|mio|bn", (1000, 10**6, 10**9)),
)  # fmt: skip
_WORDS = tuple((re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.I), ratios) for words, ratios in _KINDS)
_MONEY_OR_SHARE = re.compile(r"[$\u20ac\u00a3\u00a2%]")


def may_be_units(one: Fraction, other: Fraction, line: str) -> bool:
    """Whether a unit that the line names explains the ratio of two numbers."""
    if not one or not other:
        return False
    times = abs(one / other)
    times = max(times, 1 / times)
    if times.denominator != 1:
        return False
    if times == 100 and _MONEY_OR_SHARE.search(line):
        return True
    return any(times in ratios and words.search(line) for words, ratios in _WORDS)


# units of one kind by what they are, however they are written
_NAMES = {
    "km": "kilometers kilometer kilometres kilometre kms", "m": "meters meter metres metre",
    "cm": "centimeters centimeter centimetres centimetre cms", "mm": "millimeters millimeter millimetres millimetre",
    "kg": "kilograms kilogram kgs kilos kilo", "g": "grams gram", "mg": "milligrams milligram",
    "l": "liters liter litres litre", "ml": "milliliters milliliter millilitres millilitre",
    "in": "inches inch", "ft": "feet foot", "yd": "yards yard", "mi": "miles mile", "lb": "pounds pound lbs",
    "oz": "ounces ounce", "s": "seconds second secs sec", "min": "minutes minute mins", "h": "hours hour hrs hr",
    "d": "days day", "wk": "weeks week", "mo": "months month", "yr": "years year", "ct": "cents cent",
    "usd": "dollars dollar bucks", "eur": "euros euro", "gbp": "", "inr": "rupees rupee", "jpy": "yen",
}  # fmt: skip
_UNIT = {name: unit for unit, names in _NAMES.items() for name in (unit, *names.split())}
_MEASURED = re.compile(r"\d\s{0,2}([a-zA-Z]{1,12})(?![a-zA-Z])(?:\s?(\^\{?[23]|[\u00b2\u00b3]))?")
_POWERS = {"^2": "2", "^{2": "2", "\u00b2": "2", "^3": "3", "^{3": "3", "\u00b3": "3"}
_SIGNS = {"\u20ac": "eur", "\u00a3": "gbp", "\u00a2": "ct", "\u20b9": "inr", "\u00a5": "jpy"}


def names_other_unit(one: str, other: str) -> bool:
    """Whether two texts give their numbers in units that are known and not the same."""
    left, right = _units_of(one), _units_of(other)
    return bool(left) and bool(right) and not left & right


def is_unit(word: str) -> bool:
    """Whether a word is a unit that is known."""
    return word.lower() in _UNIT


def _units_of(text: str) -> set[str]:
    units = {
        _UNIT[word.lower()] + _POWERS.get(power, "")
        for word, power in _MEASURED.findall(text)
        if word.lower() in _UNIT
    }
    units |= {unit for sign, unit in _SIGNS.items() if sign in text}
    return units | {"usd"} if text.count("$") == 1 else units  # two are the marks of a formula
