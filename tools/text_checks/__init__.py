"""What `check_text` is made of: which text a handle names, the box, and in `in_box/` the checks themselves."""
