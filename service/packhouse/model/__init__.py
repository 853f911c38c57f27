"""Orders, shipments, holds and more: frozen values without I/O. The glossary is in docs/concepts.md."""
