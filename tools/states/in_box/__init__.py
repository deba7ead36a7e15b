"""What runs in the box in which declared SQL effects change a copy of a database."""
