//! The room `images`; see ARCHITECTURE.md.
