"""When doctors see people: `schedules` (shifts and slots), `places` (capacity), `booking` and `moving` (appointments)."""
