"""Fuzzing: what strangers write, made up by machines, against promises that hold whatever it is."""
