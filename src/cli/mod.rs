//! The command line, and nothing else: what was typed becomes resolved options, those become one call of the library,
//! and its answer becomes text or JSON. No algorithm lives here, and no other room reads arguments, the environment or
//! the terminal.
//!
//! ```text
//! args (as typed) -> resolve (variables, aesearch.toml, defaults) -> commands/<verb> -> the library
//!                                                                          |
//!                                     print (stdout, stderr, JSON)  progress (bars)  exit (codes)
//! ```

mod args;
mod exit;
mod print;
mod progress;
mod resolve;
