"""Surveys as others keep them: files in their formats, and mappings onto the codebook."""
