from evenergy import HEMSystem, HEMSystemEnergyStats, HEMSystemLivePower

from ._row import HEM_SYSTEM, SINCE, Row

ROWS = (
    Row(
        "get-hem_systems",
        lambda c: c.hem_systems.list(page_size=50),
        "GET /hem_systems",
        HEMSystem,
        "id",
    ),
    Row(
        "get-hem_systems-hem_system_id",
        lambda c: c.hem_systems.get(HEM_SYSTEM),
        f"GET /hem_systems/{HEM_SYSTEM}",
        HEMSystem,
    ),
    Row(
        "get-hem_systems-hem_system_id-energy_stats",
        lambda c: c.hem_systems.energy_stats(HEM_SYSTEM, start=SINCE, end=SINCE, resolution="P1D"),
        f"GET /hem_systems/{HEM_SYSTEM}/energy_stats",
        HEMSystemEnergyStats,
    ),
    Row(
        "get-hem_systems-hem_system_id-live_power",
        lambda c: c.hem_systems.live_power(HEM_SYSTEM),
        f"GET /hem_systems/{HEM_SYSTEM}/live_power",
        HEMSystemLivePower,
    ),
)
