"""The nouns: targets, walks, checks, findings, symptoms, reports. Pure; no I/O, no clock."""
