"""Programs that make the documentation and its pictures; they are no part of the package."""
