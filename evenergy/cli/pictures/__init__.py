"""Pictures of logs, fleets and energy: in files through matplotlib, and in a terminal."""
