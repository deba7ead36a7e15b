"""What `match_tool_calls` is made of: equality of arguments, credit of pairs, the best way to pair calls."""
