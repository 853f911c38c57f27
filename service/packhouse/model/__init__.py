"""The nouns: frozen values without I/O. docs/concepts.md is their glossary."""
