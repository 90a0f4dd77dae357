//! Words a few edits apart.

/// Whether one word becomes the other by at most `edits` edits: a letter put in, left out or changed, or two
/// neighbours swapped. No part is edited twice (the optimal string alignment).
pub(crate) fn is_near(a: &str, b: &str, edits: u8) -> bool {
    let chars = |word: &str| word.chars().collect::<Vec<_>>();
    are_near(&chars(a), &chars(b), usize::from(edits))
}

fn are_near(a: &[char], b: &[char], edits: usize) -> bool {
    if a.len().abs_diff(b.len()) > edits {
        return false;
    }
    let start: Vec<usize> = (0..=b.len()).collect();
    let (mut before, mut last) = (start.clone(), start);
    for (at, letter) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(at + 1);
        let mut least = at + 1;
        for (other_at, other) in b.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = cell(&last, other_at) + usize::from(letter != other);
            best = best.min(cell(&last, other_at + 1) + 1).min(cell(&row, other_at) + 1);
            let neighbour = |word: &[char], at: usize| at.checked_sub(1).and_then(|at| word.get(at).copied());
            if let (Some(left), Some(other_left)) = (neighbour(a, at), neighbour(b, other_at))
                && left == *other
                && other_left == *letter
            {
                best = best.min(cell(&before, other_at - 1) + 1);
            }
            least = least.min(best);
            row.push(best);
        }
        // A swap reaches back one row further than anything else.
        if least > edits && last.iter().min().is_some_and(|least| *least > edits) {
            return false;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().is_some_and(|distance| *distance <= edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "ab", 2),
            ("forest", "forest", 0),
            ("forest", "forst", 1),
            ("forest", "froest", 1),
            ("forest", "forrest", 1),
            ("forest", "fxrext", 2),
            ("ab", "ba", 1),
            // With two edits of one part it would be two.
            ("ca", "abc", 3),
            ("\u{e9}t\u{e9}", "\u{e9}te", 1),
            ("abcd", "badc", 2),
        ] {
            for edits in 0..4 {
                assert_eq!(is_near(a, b, edits), distance <= edits, "{a} {b} {edits}");
                assert_eq!(is_near(b, a, edits), distance <= edits, "{b} {a} {edits}");
            }
        }
    }
}
