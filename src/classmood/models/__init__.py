"""The model files that come with the package, each with a card beside it; see ``weights``."""
