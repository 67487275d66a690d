"""The catalogue on pages, a subject each."""
