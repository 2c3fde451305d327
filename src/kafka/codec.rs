//! Unpacks compressed records, in memory that is used again and again: gzip, snappy, lz4 and zstd, with the framing that
//! Kafka's clients give each.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::bufread::MultiGzDecoder;
use zstd::stream::raw::{Decoder, InBuffer, Operation as _, OutBuffer};

use super::wire::Rest;

/// How much the records of one batch may unpack to, in bytes: a few bytes may be made to unpack to any number of them.
/// Producers send batches of up to 1 MiB unless they are told otherwise.
const LARGEST: usize = 128 << 20;
/// How much room is made at once where it is not told how much is needed.
const STEP: usize = 256 << 10;
/// What Java's snappy puts in front, before two version numbers.
const XERIAL: &[u8] = b"\x82SNAPPY\0";
/// What an lz4 frame begins with.
const LZ4: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
/// How far back lz4 refers.
const LZ4_WINDOW: usize = 64 << 10;

/// How records are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952.
    Gzip,
    /// Raw, or in Java's blocks.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// RFC 8878.
    Zstd,
}

impl Codec {
    /// What the lowest three bits of a batch's attributes mean; none for records that are not compressed.
    pub fn of(attributes: i16) -> Result<Option<Self>> {
        Ok(match attributes & 0b111 {
            0 => None,
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            other => bail!("unknown compression codec {other}"),
        })
    }
}

/// Unpacks. Its memory grows with the largest batch, to at most 128 MiB.
#[derive(Default)]
pub struct Unpacker {
    output: Output,
    snappy: snap::raw::Decoder,
    zstd: Option<Decoder<'static>>,
}

impl Unpacker {
    /// The records that were packed.
    pub fn unpack(&mut self, codec: Codec, packed: &[u8]) -> Result<&[u8]> {
        self.output.filled = 0;
        match codec {
            Codec::Gzip => self.gzip(packed).context("unpack gzip")?,
            Codec::Snappy => self.snappy(packed).context("unpack snappy")?,
            Codec::Lz4 => self.lz4(packed).context("unpack lz4")?,
            Codec::Zstd => self.zstd(packed).context("unpack zstd")?,
        }
        Ok(&self.output.bytes[..self.output.filled])
    }

    fn gzip(&mut self, packed: &[u8]) -> Result<()> {
        let mut decoder = MultiGzDecoder::new(packed);
        loop {
            let read = decoder.read(self.output.room(1)?)?;
            if read == 0 {
                return Ok(());
            }
            self.output.filled += read;
        }
    }

    fn snappy(&mut self, packed: &[u8]) -> Result<()> {
        let Some(blocks) = packed.strip_prefix(XERIAL) else { return self.snappy_block(packed) };
        let mut blocks = Rest(blocks);
        // The version that wrote it, and the oldest that can read it.
        blocks.take(8)?;
        while !blocks.0.is_empty() {
            let block = blocks.sized()?.context("a block of negative length")?;
            self.snappy_block(block)?;
        }
        Ok(())
    }

    fn snappy_block(&mut self, block: &[u8]) -> Result<()> {
        let length = snap::raw::decompress_len(block)?;
        let room = self.output.room(length)?;
        self.output.filled += self.snappy.decompress(block, room)?;
        Ok(())
    }

    /// Frames of blocks. Checksums are left alone, which Kafka's clients before 0.10 got wrong.
    fn lz4(&mut self, packed: &[u8]) -> Result<()> {
        let mut rest = Rest(packed);
        while !rest.0.is_empty() {
            let frame = Frame::head(&mut rest)?;
            let begin = self.output.filled;
            while let Some((block, plain)) = frame.block(&mut rest)? {
                self.lz4_block(block, plain, &frame, begin)?;
            }
        }
        Ok(())
    }

    fn lz4_block(&mut self, block: &[u8], plain: bool, frame: &Frame, begin: usize) -> Result<()> {
        ensure!(block.len() <= frame.largest, "a block of {} bytes", block.len());
        let room = self.output.room(frame.largest)?;
        if plain {
            room[..block.len()].copy_from_slice(block);
            self.output.filled += block.len();
            return Ok(());
        }
        let (before, room) = self.output.bytes.split_at_mut(self.output.filled);
        let window = if frame.linked { before.len().saturating_sub(LZ4_WINDOW).max(begin) } else { before.len() };
        let room = &mut room[..frame.largest];
        self.output.filled += lz4_flex::block::decompress_into_with_dict(block, room, &before[window..])?;
        Ok(())
    }

    fn zstd(&mut self, packed: &[u8]) -> Result<()> {
        let decoder = match &mut self.zstd {
            Some(decoder) => decoder,
            none => none.insert(Decoder::new()?),
        };
        let mut input = InBuffer::around(packed);
        decoder.reinit()?;
        loop {
            let mut room = OutBuffer::around(self.output.room(1)?);
            let left = decoder.run(&mut input, &mut room)?;
            let (written, full) = (room.pos(), room.pos() == room.capacity());
            self.output.filled += written;
            if input.pos() == packed.len() && left == 0 {
                return Ok(());
            }
            ensure!(full || input.pos() < packed.len(), "it is cut off");
        }
    }
}

/// What an lz4 frame says of its blocks.
struct Frame {
    /// Whether blocks refer to those before them.
    linked: bool,
    /// Whether four bytes of checksum follow each block, and the frame.
    checked: (bool, bool),
    /// The most bytes that a block unpacks to.
    largest: usize,
}

impl Frame {
    fn head(rest: &mut Rest<'_>) -> Result<Self> {
        ensure!(rest.take(4)? == LZ4, "no frame");
        let [flags, size] = rest.take(2)?.try_into()?;
        let flag = |bit: u8| flags & (1 << bit) != 0;
        ensure!(flags >> 6 == 1, "a frame of version {}", flags >> 6);
        // The length of it all, the number of a dictionary, and the head's checksum.
        rest.take(if flag(3) { 8 } else { 0 })?;
        ensure!(!flag(0), "a frame with a dictionary");
        rest.take(1)?;
        let size = (size >> 4) & 0b111;
        ensure!(size >= 4, "a frame with blocks of size {size}");
        Ok(Self { linked: !flag(5), checked: (flag(4), flag(2)), largest: 1 << (8 + 2 * size) })
    }

    /// The next block, and whether it is not compressed; none at the end of the frame.
    fn block<'a>(&self, rest: &mut Rest<'a>) -> Result<Option<(&'a [u8], bool)>> {
        let size = u32::from_le_bytes(rest.take(4)?.try_into()?);
        if size == 0 {
            rest.take(if self.checked.1 { 4 } else { 0 })?;
            return Ok(None);
        }
        let block = rest.take(usize::try_from(size & 0x7fff_ffff)?)?;
        rest.take(if self.checked.0 { 4 } else { 0 })?;
        Ok(Some((block, size >> 31 == 1)))
    }
}

/// What was unpacked so far. Bytes behind it are room that stays.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    filled: usize,
}

impl Output {
    /// Room for at least so many bytes more.
    fn room(&mut self, wanted: usize) -> Result<&mut [u8]> {
        let needed = self.filled.saturating_add(wanted);
        ensure!(needed <= LARGEST, "its records unpack to more than {} MiB", LARGEST >> 20);
        if needed > self.bytes.len() {
            self.bytes.resize(needed.max(2 * self.bytes.len()).clamp(STEP, LARGEST), 0);
        }
        Ok(&mut self.bytes[self.filled..])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn snappy(bytes: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(bytes).unwrap()
    }

    /// As Java's clients write it, in blocks of 32 KiB.
    fn xerial(bytes: &[u8]) -> Vec<u8> {
        let mut packed = [XERIAL, &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
        for block in bytes.chunks(32 << 10).map(snappy) {
            packed.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            packed.extend(block);
        }
        packed
    }

    fn lz4(info: lz4_flex::frame::FrameInfo, bytes: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// As Java's clients write it.
    fn lz4_alone(bytes: &[u8]) -> Vec<u8> {
        use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};
        lz4(FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent), bytes)
    }

    /// As librdkafka writes it, with all that a frame may have besides.
    fn lz4_linked(bytes: &[u8]) -> Vec<u8> {
        use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};
        let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Linked);
        lz4(info.block_checksums(true).content_checksum(true).content_size(Some(bytes.len() as u64)), bytes)
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 1).unwrap()
    }

    /// As Java's clients write it: without its length in front.
    fn zstd_stream(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 1).unwrap()
    }

    type Pack = fn(&[u8]) -> Vec<u8>;

    const ALL: [(Codec, Pack); 7] = [
        (Codec::Gzip, gzip),
        (Codec::Snappy, snappy),
        (Codec::Snappy, xerial),
        (Codec::Lz4, lz4_alone),
        (Codec::Lz4, lz4_linked),
        (Codec::Zstd, zstd),
        (Codec::Zstd, zstd_stream),
    ];

    /// Text that repeats itself within a block and over its borders, with noise between.
    fn text(length: usize) -> Vec<u8> {
        (0_u32..)
            .flat_map(|number| format!("{{\"n\":{}}}", number.wrapping_mul(2_654_435_761) >> 20).into_bytes())
            .take(length)
            .collect()
    }

    #[test]
    fn what_was_packed_is_unpacked_one_after_the_other() {
        let mut unpacker = Unpacker::default();
        for length in [0, 1, 700, STEP, STEP + 1, 3 * STEP + 77, 20] {
            for (codec, pack) in ALL {
                let plain = text(length);
                assert!(unpacker.unpack(codec, &pack(&plain)).unwrap() == plain, "{codec:?} {length}");
            }
        }
    }

    #[test]
    fn noise_is_kept_as_it_is_in_lz4() {
        let noise: Vec<u8> =
            (0_u64..200_000).map(|n| (n.wrapping_mul(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        assert!(Unpacker::default().unpack(Codec::Lz4, &lz4_linked(&noise)).unwrap() == noise);
    }

    #[test]
    fn frames_follow_each_other() {
        for (codec, pack) in [ALL[0], ALL[3], ALL[4], ALL[5]] {
            let packed = [pack(b"one "), pack(b"two")].concat();
            assert_eq!(Unpacker::default().unpack(codec, &packed).unwrap(), b"one two", "{codec:?}");
        }
    }

    #[test]
    fn a_few_bytes_cannot_fill_the_memory() {
        let zeros = vec![0; LARGEST + 1];
        for (codec, pack) in [ALL[0], ALL[1], ALL[3], ALL[6]] {
            let error = Unpacker::default().unpack(codec, &pack(&zeros)).unwrap_err();
            assert_eq!(error.root_cause().to_string(), "its records unpack to more than 128 MiB", "{codec:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for (codec, pack) in ALL {
            let packed = pack(&text(100_000));
            assert!(Unpacker::default().unpack(codec, &packed[..packed.len() / 2]).is_err(), "{codec:?}");
        }
        assert_eq!(Codec::of(5).unwrap_err().to_string(), "unknown compression codec 5");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes: Vec<u8>, which in 0..ALL.len(), cut in 0_usize..400) {
            let (codec, pack) = ALL[which];
            let mut unpacker = Unpacker::default();
            let _ = unpacker.unpack(codec, &bytes);
            let mut spoiled = pack(&text(400));
            spoiled.truncate(cut);
            spoiled.append(&mut bytes);
            let _ = unpacker.unpack(codec, &spoiled);
        }
    }
}
