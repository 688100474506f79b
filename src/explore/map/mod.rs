//! A collection in the plane, near what is alike.
//!
//! `tsne` places images by who is near to whom; it is given neighbours and a start, such as the two principal directions.

pub mod tsne;
