"""What people read: pages in Markdown, and the same tables in the terminal."""
