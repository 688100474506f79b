//! HTML pages from a template with its style and script, and their hashes for its policy.
//!
//! A page's policy allows its own script and style, by their hashes, and embedded pictures; no request leaves
//! it. A page [with files](Page::with_files) may also show image files of the place it was opened from.

use sha2::{Digest as _, Sha256};

use super::encoded::padded;

/// What a page is made of, before its data. The template holds `{{policy}}`, `{{style}}`, `{{data}}`,
/// `{{pictures}}` and `{{script}}`, in this order.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// HTML.
    pub template: &'static str,
    /// CSS.
    pub style: &'static str,
    /// JavaScript.
    pub script: &'static str,
}

/// A page before its data.
#[derive(Debug)]
pub struct Page {
    parts: Parts,
    policy: String,
}

impl Page {
    /// The page of these parts, with the policy that allows them.
    pub fn new(parts: Parts) -> Page {
        Page::allowing(parts, "data:")
    }

    /// The same, which may also show image files: of the disk where it was opened from there, else of its own
    /// server.
    pub fn with_files(parts: Parts) -> Page {
        Page::allowing(parts, "data: file: 'self'")
    }

    fn allowing(parts: Parts, images: &str) -> Page {
        let hash = |text: &str| padded(&Sha256::digest(text));
        let (style, script) = (hash(parts.style), hash(parts.script));
        let policy = format!(
            "default-src 'none'; img-src {images}; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
             base-uri 'none'; form-action 'none'"
        );
        Page { parts, policy }
    }

    /// Its size without data, in bytes.
    pub fn size(&self) -> usize {
        let Parts { template, style, script } = self.parts;
        template.len() + style.len() + script.len() + self.policy.len()
    }

    /// The page with its data and pictures, both JSON.
    pub fn fill(&self, data: &str, pictures: &str) -> String {
        let (data, pictures) = (harmless(data), harmless(pictures));
        let parts: [(&str, &str); 5] = [
            ("{{policy}}", &self.policy),
            ("{{style}}", self.parts.style),
            ("{{data}}", &data),
            ("{{pictures}}", &pictures),
            ("{{script}}", self.parts.script),
        ];
        // in the order of the template and never twice: what is filled in is not looked at again
        let mut page = String::with_capacity(self.size() + data.len() + pictures.len());
        let mut rest = self.parts.template;
        for (name, part) in parts {
            let (before, after) = rest.split_once(name).unwrap_or((rest, ""));
            page += before;
            page += part;
            rest = after;
        }
        page + rest
    }
}

/// What every page promises: nothing comes from elsewhere, no text becomes code, no part is left out.
#[cfg(test)]
pub(crate) fn assert_self_contained(parts: Parts) {
    for part in [parts.template, parts.style, parts.script] {
        assert!(!part.contains("http:") && !part.contains("https:") && !part.contains("//cdn"));
        assert!(!part.contains("innerHTML") && !part.contains("eval("));
    }
    for (part, end) in [(parts.style, "</style"), (parts.script, "</script")] {
        assert!(!part.to_lowercase().contains(end) && !part.contains("<!--"));
    }
    let page = Page::new(parts).fill("{}", "{}");
    assert!(!page.contains("{{") && page.ends_with("</html>\n"));
}

/// JSON that can stand in a script element: no tag begins in it. A `<` stands in strings alone, where it may
/// be written so.
fn harmless(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_filled_in_and_end_where_they_should() {
        let parts = Parts {
            template: "<!doctype html><meta content=\"{{policy}}\"><style>{{style}}</style>\
                       <script type=json>{{data}}</script><script type=json>{{pictures}}</script><script>{{script}}</script></html>\n",
            style: "b{}",
            script: "run()",
        };
        let page = Page::new(parts).fill("{\"a\": \"</script><!-- {{script}}\"}", "{}");
        assert!(page.contains("\\u003c/script>\\u003c!-- {{script}}"));
        assert_eq!(page.matches("{{").count(), 1, "what is filled in is not a template");
        assert_eq!(page.to_lowercase().matches("</script").count(), 3);
        assert!(page.contains("<style>b{}</style>") && page.ends_with("<script>run()</script></html>\n"));
    }
}
