"""What the tools of numbers share: reading answers, and the programs that run in their boxes."""
