"""Reports and other results as text: terminal, Markdown, JSON; and live progress. Judges nothing."""
