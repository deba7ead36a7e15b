"""Which of many words a text holds, in one pass over it: RE2's sets of patterns (Cox, 2010).

Looking for sixty words one by one costs sixty passes, and every text that is judged or logged is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


class WordFinder:
    """Finds ASCII words, wherever in a text they stand. Needs the extra `service` (google-re2)."""

    def __init__(self, words: Iterable[str]) -> None:
        """Raises ValueError for a word that is empty or beyond ASCII."""
        import re2

        self._words = tuple(dict.fromkeys(words))
        options = re2.Options()
        # Bytes as they are: a text may hold lone surrogates, which are no valid UTF-8.
        options.encoding = re2.Options.Encoding.LATIN1
        self._set = re2.Set.SearchSet(options)
        for word in self._words:
            if not word or not word.isascii():
                raise ValueError(f"{word!r} is no ASCII word to look for")
            self._set.Add(re.escape(word))
        self._set.Compile()

    def __call__(self, text: str) -> frozenset[str]:
        """Return the words that the text holds, as they are written: case counts."""
        found = self._set.Match(text.encode("utf-8", "surrogatepass"))
        return frozenset(self._words[index] for index in found or ())
