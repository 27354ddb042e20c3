"""The peers that are no scikit-learn estimators; each says so where it is missing."""
