"""The version of this package, for those inside of it that must not import the package as a whole."""

__version__ = "0.1.0"
