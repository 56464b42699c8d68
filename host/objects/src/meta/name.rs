//! Names that the server makes of `generateName`.

/// Characters of a suffix: no vowels and nothing that looks like another, so that no word comes out.
pub const GENERATED_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// How many characters a suffix has.
pub const GENERATED_LEN: usize = 5;

/// How long a generated name may be: a DNS label.
const MAX_LEN: usize = 63;

/// The prefix, shortened so that the suffix fits, with a suffix of the given random numbers.
pub fn generate_name(prefix: &str, random: [u32; GENERATED_LEN]) -> String {
    let end = prefix
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= MAX_LEN - GENERATED_LEN);
    let mut name = prefix[..end.last().unwrap_or(0)].to_owned();
    for number in random {
        let index = number as usize % GENERATED_ALPHABET.len();
        name.push(char::from(GENERATED_ALPHABET[index]));
    }
    name
}
