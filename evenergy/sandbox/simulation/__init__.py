"""The simulation: users, their homes, vehicles and chargers, and what time does to them."""
