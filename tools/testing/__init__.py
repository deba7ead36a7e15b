"""How tests run: the code under test in one box, the tests in another, plain data between them."""
