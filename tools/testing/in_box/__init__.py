"""Programs that run inside boxes. They are sent as text and import the standard library and the codec only."""
