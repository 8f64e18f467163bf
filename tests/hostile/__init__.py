"""Files that are odd but right, and files that lie, break, break off or attack: code that makes them, no binaries."""
