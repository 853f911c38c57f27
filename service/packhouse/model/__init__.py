"""The model: orders, shipments, holds and more as frozen values without I/O. docs/concepts.md is the glossary."""
