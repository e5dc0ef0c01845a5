"""A reproducible companion to the study of individual and collective co-production."""
