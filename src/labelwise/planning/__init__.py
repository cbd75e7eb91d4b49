"""How many labels are needed, what more would buy, and which items to label next."""
