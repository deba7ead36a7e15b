"""Wrong programs made from right ones: what becomes of them in plain Python, and under the tests of the product."""
