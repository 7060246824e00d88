"""What sweeps remember: results, incidents and what was different when a target last worked."""
