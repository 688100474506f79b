//! Which images does an expression mean?
//!
//! ```
//! use aesearch::filter::Where;
//!
//! let expression = "date >= 2024-06 and camera ~ pixel and not (label = cat or width <= 2000)";
//! assert!(expression.parse::<Where>().is_ok());
//! let error = "width > wide".parse::<Where>().unwrap_err().to_string();
//! assert_eq!(error, "`where`: at character 9: expected a number, got wide");
//! ```
//!
//! ```text
//! expression = all { "or" all }
//! all        = one { "and" one }
//! one        = "not" one | "(" expression ")" | column operator value
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
//! value      = word | "text" | 'text' | none
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `column` | which columns there are, and what they are compared with |
//! | `tokens`, `parse` | from text to a tree of tests; where a mistake is |
//! | `value` | which values a number or a date stands for |
//! | `select` | which images of an index pass |
//!
//! `~` looks for a part of the text; no text cares for upper and lower case. A date stands for all of its
//! day, month or year. A test of a value that an image does not have is false, so that `not` of it is true;
//! `= none` asks for that.

mod column;
mod parse;
mod select;
mod tokens;
mod value;

pub use column::{Column, shown};
pub use parse::Where;
