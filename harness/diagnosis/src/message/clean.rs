//! Makes foreign text safe to read and to print: bounded, without control characters.

/// What is kept of each end of a long text: the frame stands at the beginning, the innermost error
/// at the end.
const KEPT: usize = 16 * 1024;

/// Returns the text without escape sequences, control and direction characters and typographic
/// quotes, cut in its middle if it is long.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(2 * KEPT) + 8);
    if text.len() <= 2 * KEPT {
        append(&mut out, text);
    } else {
        append(&mut out, &text[..text.floor_char_boundary(KEPT)]);
        out.push_str(" … ");
        append(&mut out, &text[text.ceil_char_boundary(text.len() - KEPT)..]);
    }
    out.truncate(out.trim_end().len());
    out
}

/// Returns the text with the backslashes before quotes removed, as nested `%q` of Go leaves them.
pub(crate) fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut backslashes = 0;
    for char in text.chars() {
        if char == '\\' {
            backslashes += 1;
            continue;
        }
        if char != '"' {
            out.extend(std::iter::repeat_n('\\', backslashes));
        }
        backslashes = 0;
        out.push(char);
    }
    out.extend(std::iter::repeat_n('\\', backslashes));
    out
}

fn append(out: &mut String, text: &str) {
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control(&mut chars),
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            // Pages and chats turn the quotes around a name into these.
            '“' | '”' => out.push('"'),
            _ if is_hidden(char) => {}
            _ => out.push(char),
        }
    }
}

/// Steps over what follows an ESC: a control sequence, an operating system command, or one letter.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => skip_control(chars),
        Some(']') => {
            while let Some(char) = chars.next() {
                if char == '\u{7}' {
                    break;
                }
                if char == '\u{1b}' {
                    chars.next();
                    break;
                }
            }
        }
        _ => {}
    }
}

fn skip_control(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(&char) = chars.peek() {
        if !('\u{20}'..='\u{7e}').contains(&char) {
            break;
        }
        chars.next();
        if ('\u{40}'..='\u{7e}').contains(&char) {
            break;
        }
    }
}

/// Returns whether a character controls a terminal, or reorders or hides text there.
#[must_use]
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::colour("\u{1b}[31mdenied\u{1b}[0m", "denied")]
    #[case::title("\u{1b}]0;x\u{7}denied", "denied")]
    #[case::line_break("a\r\nb", "a b")]
    #[case::bell_and_nul("a\u{7}\u{0}b", "ab")]
    #[case::reversed("a\u{202e}b", "ab")]
    #[case::eight_bit("\u{9b}2Jx", "x")]
    #[case::typographic_quotes("image “a”", "image \"a\"")]
    #[case::open_sequence("x\u{1b}[", "x")]
    fn text_is_printable(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(printable(text), expected);
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        let text = format!("begin{}end", "é".repeat(1 << 20));
        let kept = printable(&text);
        assert!(kept.starts_with("begin") && kept.ends_with("end"));
        assert!(kept.len() < 3 * KEPT);
    }

    #[test]
    fn nested_quotes_are_unfolded() {
        assert_eq!(unquoted(r#"err="x \"y \\\"z\\\"\"""#), r#"err="x "y "z""""#);
    }
}
