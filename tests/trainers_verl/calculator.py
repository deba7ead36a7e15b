"""The tool that the agent of the tests has; verl loads it from this file."""

from verl.tools.function_tool import function_tool


@function_tool
def plus(a: int, b: int) -> str:
    """Add two whole numbers.

    Args:
        a: The first one.
        b: The second one.
    """
    return f"the sum is {a + b}"
