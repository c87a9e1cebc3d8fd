"""catscan: from a Kaggle image competition (pictures or CT scans) to a submission file."""

__version__ = "0.1.0"
