"""Estimators on tables: how long they take at equal settings, RealMLP beside its own library, and how well they do."""
