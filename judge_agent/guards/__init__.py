"""What is said of a candidate by looking at it alone: content-free answers, planted texts, signs of reward hacking."""
