//! The room `explore`; see ARCHITECTURE.md.
