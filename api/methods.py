"""Which methods there are, and which a path has, for the `Allow` of a 405 (RFC 9110, 15.5.6): those described.

The router by itself names those of the first route that fits, so that of `GET` and `DELETE` only one would be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Those of RFC 9110 and RFC 5789. A caller can make up any other; numbers and spans call all of those by one name.
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
OTHER_METHOD = "_OTHER"
_METHODS = ("get", "put", "post", "delete", "patch")
_PARAMETER = re.compile(r"\{[^/{}]+\}")


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of each."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def methods_of(document: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The methods of the described path that fits most closely; none where no described path fits."""
    found: dict[str, tuple[str, ...]] = {}
    for described, method, _ in operations(document):
        if _pattern(described).fullmatch(path):
            found[described] = (*found.get(described, ()), method.upper())
    if not found:
        return ()
    closest = max(found, key=lambda described: len(_PARAMETER.sub("", described)))
    return found[closest]


def _pattern(described: str) -> re.Pattern[str]:
    literals = map(re.escape, _PARAMETER.split(described))
    return re.compile("[^/]+".join(literals), re.DOTALL)
