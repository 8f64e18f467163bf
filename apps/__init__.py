"""Things that people run by hand."""
