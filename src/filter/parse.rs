//! From the text of an expression to a tree of tests. A mistake is named with its place.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::column::Column;
use super::tokens::{SIGNS, Token, tokens};
use super::value;
use crate::error::{Error, Result};

/// Brackets and `not` within each other, at most.
const DEEPEST: usize = 100;

/// An expression that images pass or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Where {
    text: String,
    pub(super) tree: Tree,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Test(Column, Wanted),
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    /// There is none.
    Nothing,
    /// There is one.
    Something,
    /// This text, in lower case, or one that has it as a part; or one that is, or has, not.
    Text { lower: String, is_part: bool, is_not: bool },
    /// A number of this range, or one outside of it.
    Within { range: Range<i64>, is_not: bool },
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Where {
    type Err = Error;

    fn from_str(text: &str) -> Result<Where> {
        let wrong = |(at, what): Mistake| Error::invalid(format!("`where`: at character {at}: {what}"));
        let tokens = tokens(text).map_err(wrong)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let tree = parser.any().and_then(|tree| match parser.peek() {
            Token::End => Ok(tree),
            _ => Err(parser.mistake("and, or, or the end")),
        });
        Ok(Where { text: text.to_owned(), tree: tree.map_err(wrong)? })
    }
}

/// Where, and what was expected.
type Mistake = (usize, String);

struct Parser<'a> {
    tokens: &'a [(usize, Token)], // the last one is the end
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Tree, Mistake> {
        self.list("or", Parser::all, Tree::Any)
    }

    fn all(&mut self) -> Result<Tree, Mistake> {
        self.list("and", Parser::one, Tree::All)
    }

    /// One or more, with a keyword between them.
    fn list(
        &mut self,
        keyword: &str,
        item: fn(&mut Self) -> Result<Tree, Mistake>,
        joined: fn(Vec<Tree>) -> Tree,
    ) -> Result<Tree, Mistake> {
        let first = item(self)?;
        let mut trees = vec![first];
        while self.peek().is(keyword) {
            self.next();
            trees.push(item(self)?);
        }
        Ok(if trees.len() == 1 { trees.remove(0) } else { joined(trees) })
    }

    fn one(&mut self) -> Result<Tree, Mistake> {
        let is_not = self.peek().is("not");
        if !is_not && *self.peek() != Token::Open {
            return self.test();
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.mistake(&format!("at most {DEEPEST} brackets within each other")));
        }
        self.next();
        let tree = match is_not {
            true => Tree::Not(Box::new(self.one()?)),
            false => {
                let tree = self.any()?;
                match self.peek() {
                    Token::Close => self.next(),
                    _ => return Err(self.mistake("and, or, or )")),
                };
                tree
            }
        };
        self.depth -= 1;
        Ok(tree)
    }

    fn test(&mut self) -> Result<Tree, Mistake> {
        let column = match self.peek() {
            Token::Word(name) => Column::named(name),
            _ => None,
        };
        let Some(column) = column else {
            let names = Column::ALL.map(Column::name).join(", ");
            return Err(self.mistake(&format!("not, ( or one of {names}")));
        };
        self.next();
        let sign = match self.peek() {
            Token::Sign(sign) if !sign.contains(if column.is_text() { ['<', '>'] } else { ['~', '~'] }) => {
                *sign
            }
            _ => {
                let without = if column.is_text() { "<>" } else { "~" };
                let signs = SIGNS.into_iter().rev().filter(|sign| !sign.contains(|c| without.contains(c)));
                let signs = signs.collect::<Vec<_>>().join(" ");
                return Err(self.mistake(&format!("one of {signs} after {}", column.name())));
            }
        };
        self.next();
        let wanted = self.value(column, sign)?;
        self.next();
        Ok(Tree::Test(column, wanted))
    }

    fn value(&self, column: Column, sign: &str) -> Result<Wanted, Mistake> {
        let (text, is_word) = match self.peek() {
            Token::Word(word) => (word, true),
            Token::Quoted(text) => (text, false),
            _ => return Err(self.mistake(what(column))),
        };
        if is_word && text.eq_ignore_ascii_case("none") && ["=", "!="].contains(&sign) {
            return Ok(if sign == "=" { Wanted::Nothing } else { Wanted::Something });
        }
        let range = match column {
            _ if column.is_text() => {
                let is_part = sign.ends_with('~');
                return Ok(Wanted::Text {
                    lower: text.to_lowercase(),
                    is_part,
                    is_not: sign.starts_with('!'),
                });
            }
            Column::Date => value::date(text),
            Column::Degrees(_) => value::degrees(text),
            _ => value::number(text, column == Column::Number("bytes")),
        };
        let Range { start, end } = range.ok_or_else(|| self.mistake(what(column)))?;
        let range = match sign {
            "<" => i64::MIN..start,
            "<=" => i64::MIN..end,
            ">" => end..i64::MAX,
            ">=" => start..i64::MAX,
            _ => start..end,
        };
        Ok(Wanted::Within { range, is_not: sign == "!=" })
    }

    fn peek(&self) -> &'a Token {
        &self.tokens[self.at].1
    }

    /// The end stays.
    fn next(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn mistake(&self, expected: &str) -> Mistake {
        let (at, token) = &self.tokens[self.at];
        (*at, format!("expected {expected}, got {}", token.shown()))
    }
}

/// What stands behind a column and a sign.
fn what(column: Column) -> &'static str {
    match column {
        Column::Date => "a date such as 2024, 2024-06, 2024-06-30 or 2024-06-30T18:05",
        Column::Degrees(_) => "degrees such as -33.86",
        Column::Number("bytes") => "a number such as 500000 or 5MB",
        Column::Number(_) => "a number",
        _ => "a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        text.parse::<Where>().unwrap().tree
    }

    fn wide(width: i64) -> Tree {
        Tree::Test(Column::Number("width"), Wanted::Within { range: width + 1..i64::MAX, is_not: false })
    }

    #[test]
    fn and_binds_more_than_or_and_brackets_more_than_both() {
        let [a, b, c] = [1, 2, 3].map(wide);
        assert_eq!(
            tree("width > 1 or width>2 AND Width > '3'"),
            Tree::Any(vec![a.clone(), Tree::All(vec![b.clone(), c.clone()])])
        );
        assert_eq!(
            tree("(width > 1 or width > 2) and not width > 3"),
            Tree::All(vec![Tree::Any(vec![a.clone(), b.clone()]), Tree::Not(Box::new(c.clone()))])
        );
        assert_eq!(tree("not not ((width > 1))"), Tree::Not(Box::new(Tree::Not(Box::new(a)))));
        assert_eq!(tree("width > 1 and width > 2 and width > 3"), Tree::All(vec![wide(1), b, c]));
    }

    #[test]
    fn values_are_texts_ranges_or_none() {
        let text = |lower: &str, is_part, is_not| Wanted::Text { lower: lower.to_owned(), is_part, is_not };
        assert_eq!(
            tree("path ~ 'Holiday/ (1)'"),
            Tree::Test(Column::Path, text("holiday/ (1)", true, false))
        );
        assert_eq!(tree("camera!~Pixel-8"), Tree::Test(Column::Text("camera"), text("pixel-8", true, true)));
        assert_eq!(tree("label != \"none\""), Tree::Test(Column::Label, text("none", false, true)));
        assert_eq!(tree("label = None"), Tree::Test(Column::Label, Wanted::Nothing));
        assert_eq!(tree("date != none"), Tree::Test(Column::Date, Wanted::Something));
        let Tree::Test(_, Wanted::Within { range, is_not }) = tree("date != 2024-06") else {
            panic!("a test")
        };
        assert_eq!((range, is_not), (1_717_200_000..1_719_792_000, true));
        let Tree::Test(_, Wanted::Within { range, .. }) = tree("date <= 2024-06") else { panic!("a test") };
        assert_eq!(range, i64::MIN..1_719_792_000, "the whole of June");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let brackets = "(".repeat(101);
        for (text, expected) in [
            ("", "at character 1: expected not, ( or one of path, label, date"),
            ("width", "at character 6: expected one of > < = >= <= != after width, got the end"),
            ("width ~ 3", "at character 7: expected one of > < = >= <= != after width, got ~"),
            ("camera < x", "at character 8: expected one of ~ = !~ != after camera, got <"),
            ("width > ", "at character 9: expected a number, got the end"),
            ("width > 1 width > 2", "at character 11: expected and, or, or the end, got width"),
            ("(width > 1", "at character 11: expected and, or, or ), got the end"),
            ("wide > 1", "at character 1: expected not, ( or one of path"),
            ("größe > 1", "got größe"),
            ("camera ~ \"pixel", "at character 10: expected an end of the text that begins with \""),
            ("date > june", "at character 8: expected a date such as 2024, 2024-06"),
            ("date > 2023-02-29", "at character 8: expected a date"),
            ("latitude > north", "at character 12: expected degrees such as -33.86, got north"),
            ("bytes > 5TB", "at character 9: expected a number such as 500000 or 5MB, got 5TB"),
            ("label = and", "at character"),
            ("width ! 3", "at character 7: expected != or !~, got !"),
            ("label = ü and x", "at character 15: expected not, ("),
            (&brackets, "at character 101: expected at most 100 brackets within each other"),
        ] {
            match text.parse::<Where>() {
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.starts_with("`where`: ") && error.contains(expected), "{text}: {error}");
                }
                Ok(_) => assert_eq!(text, "label = and", "a keyword is a text where one is expected"),
            }
        }
    }
}
