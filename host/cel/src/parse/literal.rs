//! What the text of a literal stands for.

/// A string literal without its quotes and escapes, as bytes: those of a bytes literal need not be UTF-8.
pub(super) fn unescape(literal: &str, is_bytes: bool) -> Result<Vec<u8>, &'static str> {
    const FAILED: &str = "unable to unescape string";
    let text = literal.replace("\r\n", "\n").replace('\r', "\n");
    let (raw, text) = match text.strip_prefix(['r', 'R']) {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let quote = if text.starts_with("'''") || text.starts_with("\"\"\"") { 3 } else { 1 };
    let inner = text.get(quote..text.len() - quote).ok_or(FAILED)?;
    if raw {
        return Ok(inner.as_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(position) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..position]);
        rest = unescape_one(&rest[position + 1..], is_bytes, &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Writes what one escape after its backslash stands for; returns what follows it.
fn unescape_one<'t>(text: &'t str, is_bytes: bool, bytes: &mut Vec<u8>) -> Result<&'t str, &'static str> {
    const FAILED: &str = "unable to unescape string";
    const OCTAL: &str = "unable to unescape octal sequence in string";
    let letter = text.chars().next().ok_or("unable to unescape string, found '\\' as last character")?;
    let rest = &text[letter.len_utf8()..];
    let simple = match letter {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '\'' | '"' | '`' | '?' => letter as u8,
        _ => 0,
    };
    if simple != 0 {
        bytes.push(simple);
        return Ok(rest);
    }
    let (digits, radix, failed) = match letter {
        'x' | 'X' => (2, 16, FAILED),
        'u' if !is_bytes => (4, 16, FAILED),
        'U' if !is_bytes => (8, 16, FAILED),
        '0'..='3' => (3, 8, OCTAL),
        _ => return Err(FAILED),
    };
    let text = if radix == 8 { text } else { rest };
    let number = text.get(..digits).filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)));
    let code = number.and_then(|digits| u32::from_str_radix(digits, radix).ok()).ok_or(failed)?;
    match u8::try_from(code) {
        Ok(byte) if is_bytes => bytes.push(byte),
        _ => {
            let char = char::from_u32(code).ok_or("invalid unicode code point")?;
            bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(&text[digits..])
}

/// A whole number with its sign, decimal or `0x`.
pub(super) fn int(text: &str) -> Option<i64> {
    match text.strip_prefix('-').map_or((text, ""), |rest| (rest, "-")) {
        (digits, sign) if digits.starts_with("0x") => {
            i64::from_str_radix(&format!("{sign}{}", &digits[2..]), 16).ok()
        }
        _ => text.parse().ok(),
    }
}

/// A whole number with its `u`.
pub(super) fn uint(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['u', 'U']);
    match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// A float; one too large for it is none.
pub(super) fn float(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
