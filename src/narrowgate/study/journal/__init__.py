"""What was found, on disk: a study's folder, the lines of its journal, members, and what the lines say together."""
