"""The model: orders, shipments, holds and more: frozen values without I/O. docs/concepts.md has the glossary."""
