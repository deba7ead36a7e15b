"""The ceilings of documents, of what is made of them, and of one answer about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CorpusLimits:
    """What is over a limit is refused by name; nothing is cut in silence.

    `max_total_bytes` are the bytes of all files of a request, `max_text_chars` the characters that all of them come
    to, `max_pages` the pages of one PDF. `max_ratio` bounds how many characters a PDF may have for each of its bytes,
    once it has more than `ratio_from_chars`: what grows more is a bomb. `seconds_per_file` and `memory_bytes` are of
    the box that reads one file; a file that needs more is refused. `query_seconds` is for one look into the index,
    `rerank_seconds` for one whose hits are re-ranked. `max_output_chars` are of what one search tells,
    `max_shown_chars` of a page at a time.
    """

    max_total_bytes: int = 64_000_000
    max_documents: int = 20_000
    max_pages: int = 2_000
    max_text_chars: int = 16_000_000
    max_passages: int = 60_000
    max_ratio: int = 100
    ratio_from_chars: int = 200_000
    seconds_per_file: float = 20.0
    memory_bytes: int = 768 * 2**20
    index_seconds: float = 60.0
    query_seconds: float = 5.0
    rerank_seconds: float = 30.0
    passage_chars: int = 900
    page_chars: int = 4_000
    max_query_chars: int = 400
    max_hits: int = 10
    max_output_chars: int = 7_000
    max_shown_chars: int = 5_000
    kept_chars: int = 64_000_000
    kept_indexes: int = 4
    idle_seconds: float = 60.0

    @property
    def words(self) -> str:
        """The limits that change results, for a tool's version."""
        return f"{self.max_text_chars >> 10}Ki/{self.max_pages}p/{self.passage_chars}c/{self.page_chars}c"
