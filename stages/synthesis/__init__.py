"""The built-in speech: who speaks, in which room, over which noise, into which kind of file."""
