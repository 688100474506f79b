//! The words and signs of an expression, and where each begins.

/// A word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word without quotes.
    Word(String),
    /// A text in quotes.
    Quoted(String),
    /// A comparison, such as `<=`.
    Sign(&'static str),
    Open,
    Close,
    End,
}

impl Token {
    /// For messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Token::Word(word) => word.clone(),
            Token::Quoted(text) => format!("{text:?}"),
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Open => "(".to_owned(),
            Token::Close => ")".to_owned(),
            Token::End => "the end".to_owned(),
        }
    }

    /// Whether it is this word without quotes, in either case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// Longer ones first.
pub(super) const SIGNS: [&str; 8] = ["!=", "<=", ">=", "!~", "=", "<", ">", "~"];

/// The tokens of a text, each with its place in characters from 1; the last one is the end. Fails where
/// quotes do not end, or `!` stands alone.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, (usize, String)> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let start = at;
        let sign =
            SIGNS.into_iter().find(|sign| letters[at..].iter().take(sign.len()).copied().eq(sign.chars()));
        let token = match (letter, sign) {
            (letter, _) if letter.is_whitespace() => {
                at += 1;
                continue;
            }
            ('(', _) => Token::Open,
            (')', _) => Token::Close,
            (_, Some(sign)) => Token::Sign(sign),
            ('!', None) => return Err((start + 1, "expected != or !~, got !".to_owned())),
            (quote @ ('"' | '\''), None) => {
                let Some(length) = letters[at + 1..].iter().position(|letter| *letter == quote) else {
                    return Err((start + 1, format!("expected an end of the text that begins with {quote}")));
                };
                Token::Quoted(letters[at + 1..at + 1 + length].iter().collect())
            }
            _ => {
                let is_part = |letter: &&char| !letter.is_whitespace() && !"()\"'=!<>~".contains(**letter);
                Token::Word(letters[at..].iter().take_while(is_part).collect())
            }
        };
        at += match &token {
            Token::Word(word) => word.chars().count(),
            Token::Quoted(text) => text.chars().count() + 2,
            Token::Sign(sign) => sign.len(),
            Token::Open | Token::Close | Token::End => 1,
        };
        found.push((start + 1, token));
    }
    found.push((letters.len() + 1, Token::End));
    Ok(found)
}
