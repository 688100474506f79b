//! The room `gallery`; see ARCHITECTURE.md.
