"""The cities in which users live."""

import attrs


@attrs.frozen
class City:
    """A city, its zone, and the currency of its tariffs."""

    name: str
    postal_code: str
    country: str
    state: str | None
    latitude: float
    longitude: float
    timezone: str
    currency: str

    @property
    def coordinates(self) -> tuple[float, float]:
        """The latitude and the longitude."""
        return self.latitude, self.longitude


CITIES = (
    City("London", "N1 7AA", "GB", None, 51.536, -0.103, "Europe/London", "GBP"),
    City("Leeds", "LS1 4DY", "GB", None, 53.797, -1.549, "Europe/London", "GBP"),
    City("Bristol", "BS1 5TR", "GB", None, 51.449, -2.598, "Europe/London", "GBP"),
    City("Austin", "78701", "US", "TX", 30.271, -97.743, "America/Chicago", "USD"),
    City("Portland", "97205", "US", "OR", 45.519, -122.690, "America/Los_Angeles", "USD"),
    City("Hamburg", "20095", "DE", None, 53.551, 10.001, "Europe/Berlin", "EUR"),
    City("Lyon", "69002", "FR", None, 45.757, 4.832, "Europe/Paris", "EUR"),
    City("Utrecht", "3511 AB", "NL", None, 52.092, 5.122, "Europe/Amsterdam", "EUR"),
    City("Cork", "T12 W8KP", "IE", None, 51.898, -8.472, "Europe/Dublin", "EUR"),
)
