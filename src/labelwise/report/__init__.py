"""What a study found, for people: figures and one HTML file. Results are read here, never made."""
