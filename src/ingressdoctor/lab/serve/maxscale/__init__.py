"""MaxScale for every MaxScale pod of a world: SQL listeners, monitor, its copy of the accounts, REST API and log."""
