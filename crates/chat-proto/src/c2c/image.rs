//! Type and size of a picture, read from its first bytes.

/// A kind of picture that the service is known to take. (field reports)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ImageFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

impl ImageFormat {
    /// The `imageType` of a frame: the extension in lower case.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// What a picture's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// The kind.
    pub format: ImageFormat,
    /// Width in pixels, as stored.
    pub width: u32,
    /// Height in pixels, as stored.
    pub height: u32,
}

impl ImageInfo {
    /// Reads the header of a JPEG or PNG; `None` when it is neither, or cut short. Looks at the
    /// bytes only, never at a name, and decodes no pixels.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let (format, (width, height)) = if let Some(rest) = bytes.strip_prefix(PNG) {
            (ImageFormat::Png, png_size(rest)?)
        } else {
            (ImageFormat::Jpeg, jpeg_size(bytes.strip_prefix(&[0xFF, 0xD8])?)?)
        };
        (width > 0 && height > 0).then_some(Self { format, width, height })
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The first chunk must be `IHDR`, 13 bytes long.
fn png_size(rest: &[u8]) -> Option<(u32, u32)> {
    let rest = rest.strip_prefix(b"\0\0\0\x0dIHDR")?;
    let (width, rest) = rest.split_first_chunk::<4>()?;
    let (height, _) = rest.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// Walks the segments up to the frame header. Every step consumes at least two bytes.
fn jpeg_size(mut rest: &[u8]) -> Option<(u32, u32)> {
    loop {
        let (&[0xFF, marker], after) = rest.split_first_chunk::<2>()? else { return None };
        match marker {
            // Fill byte: the marker is the next one.
            0xFF => {
                rest = &rest[1..];
                continue;
            }
            // Without a length: TEM, RSTn, SOI.
            0x01 | 0xD0..=0xD8 => {
                rest = after;
                continue;
            }
            // The picture data, or its end, before any frame header.
            0xD9 | 0xDA => return None,
            _ => {}
        }
        let (length, body) = after.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
        // SOF0..SOF15 but for DHT, JPG and DAC, which share the range.
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let (&[_, h1, h0, w1, w0], _) = body.get(..length)?.split_first_chunk::<5>()?;
            let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
            return Some((width.into(), height.into()));
        }
        rest = body.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = PNG.to_vec();
        bytes.extend_from_slice(b"\0\0\0\x0dIHDR");
        bytes.extend_from_slice(&width.to_be_bytes());
        bytes.extend_from_slice(&height.to_be_bytes());
        bytes.extend_from_slice(&[8, 2, 0, 0, 0]);
        bytes
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC4, 0, 3, 9];
        bytes.extend_from_slice(&[0xFF, 0xC2, 0, 8, 8]);
        bytes.extend_from_slice(&height.to_be_bytes());
        bytes.extend_from_slice(&width.to_be_bytes());
        bytes.push(3);
        bytes
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn sizes_are_read(width in 1u16.., height in 1u16..) {
            let (w, h) = (u32::from(width), u32::from(height));
            let expected = |format| Some(ImageInfo { format, width: w, height: h });
            prop_assert_eq!(ImageInfo::sniff(&png(w, h)), expected(ImageFormat::Png));
            prop_assert_eq!(ImageInfo::sniff(&jpeg(width, height)), expected(ImageFormat::Jpeg));
        }

        #[test]
        fn any_bytes_after_a_good_start_do_no_harm(tail: Vec<u8>, cut in 0usize..40) {
            for mut bytes in [vec![0xFF, 0xD8], PNG.to_vec(), jpeg(8, 6), png(8, 6)] {
                bytes.truncate(cut);
                bytes.extend_from_slice(&tail);
                let _ = ImageInfo::sniff(&bytes);
            }
        }
    }

    #[test]
    fn every_cut_header_is_refused() {
        for whole in [jpeg(8, 6), png(8, 6)] {
            // The size ends before the last bytes of either header.
            for cut in 0..whole.len() - 5 {
                assert_eq!(ImageInfo::sniff(&whole[..cut]), None, "{cut}");
            }
        }
        assert_eq!(ImageInfo::sniff(b"GIF89a"), None);
        assert_eq!(ImageInfo::sniff(&png(0, 6)), None);
    }
}
