"""What runs inside boxes: it parses foreign documents, and what it says is a claim that the host bounds."""
