"""What a search found, for readers: its outcome, tables, pictures, and the history of one configuration."""
