"""earmark: sound in, trustworthy keyword spotters out. One script a verb; see README.md."""
