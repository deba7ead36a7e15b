"""What the tools for pictures share: which pictures a request holds, and the box in which they are decoded."""
