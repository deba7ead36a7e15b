"""What runs beside Chromium in its box: the driver, and the loop that obeys the host."""
