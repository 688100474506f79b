//! The page as text: the template with its style and script, their hashes for its policy, and Base64. The only file of the room
//! that names `base64` and `sha2`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page before its data.
pub(super) struct Page {
    policy: String,
}

impl Page {
    pub(super) fn new() -> Page {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        let (style, script) = (hash(STYLE), hash(SCRIPT));
        let policy = format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
             base-uri 'none'; form-action 'none'"
        );
        Page { policy }
    }

    /// Its size without data, in bytes.
    pub(super) fn len(&self) -> usize {
        TEMPLATE.len() + STYLE.len() + SCRIPT.len() + self.policy.len()
    }

    /// The page with its data and pictures, both JSON.
    pub(super) fn fill(&self, data: &str, pictures: &str) -> String {
        let (data, pictures) = (harmless(data), harmless(pictures));
        let parts: [(&str, &str); 5] = [
            ("{{policy}}", &self.policy),
            ("{{style}}", STYLE),
            ("{{data}}", &data),
            ("{{pictures}}", &pictures),
            ("{{script}}", SCRIPT),
        ];
        // in the order of the template and never twice: what is filled in is not looked at again
        let mut page = String::with_capacity(self.len() + data.len() + pictures.len());
        let mut rest = TEMPLATE;
        for (name, part) in parts {
            let (before, after) = rest.split_once(name).unwrap_or((rest, ""));
            page += before;
            page += part;
            rest = after;
        }
        page + rest
    }
}

/// JSON that can stand in a script element: no tag begins in it. A `<` stands in strings alone, where it may be written so.
fn harmless(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// Base64 that ends without padding; texts of a multiple of three bytes can be put together.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_filled_in_and_end_where_they_should() {
        for (part, end) in [(STYLE, "</style"), (SCRIPT, "</script")] {
            assert!(!part.to_lowercase().contains(end) && !part.contains("<!--"));
        }
        let page = Page::new().fill("{\"a\": \"</script><!-- {{script}}\"}", "{}");
        assert!(page.contains("\\u003c/script>\\u003c!-- {{script}}"));
        assert_eq!(page.matches("{{").count(), 1, "what is filled in is not a template");
        assert_eq!(page.to_lowercase().matches("</script").count(), 3);
        assert!(page.ends_with("</html>\n"));
    }

    #[test]
    fn nothing_of_the_page_lies_elsewhere() {
        for part in [TEMPLATE, STYLE, SCRIPT] {
            assert!(!part.contains("http:") && !part.contains("https:") && !part.contains("//cdn"));
            assert!(!part.contains("innerHTML") && !part.contains("eval("));
        }
    }
}
