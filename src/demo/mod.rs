//! The room `demo`; see ARCHITECTURE.md.
