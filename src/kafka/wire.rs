//! The words of Kafka's protocol that this module's two requests are made of. What they mean is in `fetch` and
//! `metadata`; numbers and layouts are those of the protocol guide (<https://kafka.apache.org/protocol>).

use anyhow::{Context as _, Result};

/// A request under way to its bytes.
#[derive(Debug)]
pub struct Request(Vec<u8>);

impl Request {
    /// The head of a request: which one, in which version, and the number that its answer will bear. No client's name.
    #[must_use]
    pub fn new(api: i16, version: i16, number: i32) -> Self {
        // Room for the length, which stands in front.
        Self(vec![0; 4]).short(api).short(version).int(number).short(-1)
    }

    /// Adds bytes as they are.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a number of two bytes.
    #[must_use]
    pub fn short(self, value: i16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Adds a number of four bytes.
    #[must_use]
    pub fn int(self, value: i32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Adds a number of eight bytes.
    #[must_use]
    pub fn long(self, value: i64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// The request as it is sent.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        let length = i32::try_from(self.0.len() - 4).context("the request is too long")?;
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        Ok(self.0)
    }
}

/// What is left to read of bytes that a broker sent. Nothing that is read makes it panic.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a>(pub &'a [u8]);

impl<'a> Rest<'a> {
    /// So many bytes.
    pub fn take(&mut self, bytes: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes).context("it is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of one byte.
    pub fn byte(&mut self) -> Result<i8> {
        Ok(i8::from_be_bytes(self.take(1)?.try_into()?))
    }

    /// A number of two bytes.
    pub fn short(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.take(2)?.try_into()?))
    }

    /// A number of four bytes.
    pub fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    /// A number of eight bytes.
    pub fn long(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.take(8)?.try_into()?))
    }

    /// Bytes that have their length in front, in four bytes; a negative one means that there are none.
    pub fn sized(&mut self) -> Result<Option<&'a [u8]>> {
        let length = self.int()?;
        usize::try_from(length).ok().map(|length| self.take(length)).transpose()
    }

    /// A number of variable length without a sign, as the flexible versions of requests have it.
    pub fn unsigned(&mut self) -> Result<u64> {
        let mut value = 0;
        for place in 0..10 {
            let [byte] = self.take(1)?.try_into()?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        anyhow::bail!("a number has no end")
    }

    /// How many items follow, or how long a text is, in flexible versions: one more than it, and 0 for none.
    pub fn compact(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.unsigned()?.saturating_sub(1))?)
    }

    /// A text of flexible versions.
    pub fn text(&mut self) -> Result<String> {
        let length = self.compact()?;
        Ok(String::from_utf8(self.take(length)?.to_vec())?)
    }

    /// Leaves out the optional fields at the end of each part of a flexible version.
    pub fn skip_tags(&mut self) -> Result<()> {
        for _ in 0..self.unsigned()? {
            self.unsigned()?;
            let length = usize::try_from(self.unsigned()?)?;
            self.take(length)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_length_and_its_number_in_front() {
        let request = Request::new(1, 10, 7).int(3).finish().unwrap();
        assert_eq!(request, [0, 0, 0, 14, 0, 1, 0, 10, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 3]);
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        assert!(Rest(&[0, 0, 0]).int().is_err());
        assert!(Rest(&[0, 0, 0, 2, 1]).sized().is_err());
        assert!(Rest(&[0xff; 11]).unsigned().is_err());
        assert_eq!(Rest(&[0xff, 0xff, 0xff, 0xff]).sized().unwrap(), None);
        assert_eq!(Rest(&[0xac, 0x02]).unsigned().unwrap(), 300);
    }
}
