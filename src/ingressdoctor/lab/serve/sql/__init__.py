"""The database behind the SQL path: MariaDB for every MariaDB pod, real where it is installed, and who may log in."""
