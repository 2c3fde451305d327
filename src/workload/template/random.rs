//! Pseudo-random values that depend on nothing but the seed, the record's number and the place in the template: neither on
//! what was drawn before, so that a generator goes on anywhere, nor on a library's version, so that a feed stays what it is.

/// The odd constant of splitmix64.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finish of splitmix64: all bits of the result depend on all bits of `state`.
fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// 64 bits for a place of a record: its own stream of splitmix64 for each seed and place.
pub(super) fn at(seed: u64, seq: u64, place: u64) -> u64 {
    let stream = mix(mix(seed.wrapping_add(GAMMA)).wrapping_add(place.wrapping_mul(GAMMA)));
    mix(stream.wrapping_add(seq.wrapping_mul(GAMMA)))
}

/// One of `width` numbers from 0, all but equally likely.
pub(super) fn below(width: u64, bits: u64) -> u64 {
    u64::try_from((u128::from(bits) * u128::from(width)) >> 64).unwrap_or(0)
}

/// Appends so many lowercase letters.
pub(super) fn push_letters(buffer: &mut Vec<u8>, letters: usize, bits: u64) {
    let end = buffer.len() + letters;
    let mut state = bits;
    while buffer.len() < end {
        buffer.extend_from_slice(&mix(state).to_le_bytes().map(letter));
        state = state.wrapping_add(GAMMA);
    }
    buffer.truncate(end);
}

fn letter(byte: u8) -> u8 {
    let place = (u16::from(byte) * 26) >> 8;
    b'a' + u8::try_from(place).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever changes them makes other records of every feed there is, and none of the topics can be continued.
    #[test]
    fn they_stay_what_they_are() {
        assert_eq!(
            [at(0, 0, 0), at(0, 1, 0), at(0, 0, 1), at(1, 0, 0)],
            [3_746_585_686_858_627_171, 6_235_967_106_033_911_276, 13_013_912_499_580_732_898, 736_442_933_886_495_122]
        );
        let mut letters = Vec::new();
        push_letters(&mut letters, 20, at(7, 1, 0));
        assert_eq!(String::from_utf8(letters).unwrap(), "ervvbhxecrsdpmfapvbf");
    }

    #[test]
    fn all_numbers_are_as_likely() {
        for (seed, place) in [(0, 0), (0, 1), (1, 0), (u64::MAX, 3)] {
            let mut counts = [0_u32; 10];
            for seq in 0..100_000 {
                counts[usize::try_from(below(10, at(seed, seq, place))).unwrap()] += 1;
            }
            assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{seed} {place}: {counts:?}");
        }
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(
            [below(1, u64::MAX), below(100, 0), below(100, u64::MAX), below(u64::MAX, u64::MAX)],
            [0, 0, 99, u64::MAX - 1]
        );
        for letters in [0, 1, 7, 8, 9, 100] {
            let mut buffer = b"before".to_vec();
            push_letters(&mut buffer, letters, 1);
            assert_eq!(buffer.len(), 6 + letters);
            assert!(buffer[6..].iter().all(u8::is_ascii_lowercase));
        }
        assert_eq!([letter(0), letter(255)], *b"az");
    }
}
