"""Tell people and machines that an incident began, changed or ended; never holds up a sweep."""
