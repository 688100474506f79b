//! The room `eval`; see ARCHITECTURE.md.
