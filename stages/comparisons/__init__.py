"""Models side by side: what follows from the predictions of several for the same clips."""
