//! The room `runtime`; see ARCHITECTURE.md.
