//! What the first bytes of a file say about its type.

/// How many bytes [`sniff`] looks at.
pub(crate) const SNIFFED_BYTES: usize = 512;

/// The media type that the first bytes show; `None` where they show none. Formats of chats only:
/// what people send each other.
pub(crate) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 16] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"BM", "image/bmp"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"%PDF-", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07", "application/vnd.rar"),
        (b"OggS\0", "application/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
    ];
    if let Some((_, mime)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(mime);
    }
    match (bytes.get(..4), bytes.get(8..12)) {
        (Some(b"RIFF"), Some(b"WEBP")) => return Some("image/webp"),
        (Some(b"RIFF"), Some(b"WAVE")) => return Some("audio/wave"),
        _ => {}
    }
    match (bytes.get(4..8), bytes.get(8..12)) {
        (Some(b"ftyp"), Some(b"avif")) => return Some("image/avif"),
        (Some(b"ftyp"), Some(b"heic")) => return Some("image/heic"),
        (Some(b"ftyp"), Some(_)) => return Some("video/mp4"),
        _ => {}
    }
    markup(bytes)
}

/// Types that a browser may run: they must be found out whatever the client says.
fn markup(bytes: &[u8]) -> Option<&'static str> {
    const TAGS: [&[u8]; 12] = [
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<script",
        b"<iframe",
        b"<body",
        b"<title",
        b"<table",
        b"<style",
        b"<!--",
        b"<div",
        b"<a ",
    ];
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let starts =
        |tag: &[u8]| text.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag));
    if starts(b"<?xml") {
        return Some("text/xml");
    }
    if starts(b"<svg") {
        return Some("image/svg+xml");
    }
    TAGS.into_iter().any(starts).then_some("text/html")
}

/// The type to keep: what the bytes show, or else what the client says, if that is harmless.
/// (tinode-code)
pub(crate) fn media_type(bytes: &[u8], said: &str) -> String {
    const KNOWN: [&str; 6] = ["application/", "audio/", "font/", "image/", "text/", "video/"];
    if let Some(mime) = sniff(bytes) {
        return mime.to_owned();
    }
    let plain = said.len() <= 128 && said.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    let known = KNOWN
        .iter()
        .any(|kind| said.get(..kind.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(kind)));
    if plain && known { said.to_owned() } else { "application/octet-stream".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_for_more_than_words() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n....", "text/plain"), "image/png");
        assert_eq!(media_type(b"  <HTML>", "image/png"), "text/html");
        assert_eq!(media_type(b"\xef\xbb\xbf<?xml version", "image/png"), "text/xml");
        assert_eq!(media_type(b"RIFF1234WEBPVP8 ", ""), "image/webp");
        assert_eq!(media_type(b"hello", "text/plain; charset=utf-8"), "text/plain; charset=utf-8");
        assert_eq!(media_type(b"hello", ""), "application/octet-stream");
        assert_eq!(media_type(b"hello", "chemical/x-pdb"), "application/octet-stream");
        assert_eq!(media_type(b"hello", "image/png\r\nx: y"), "application/octet-stream");
        assert_eq!(media_type(b"", ""), "application/octet-stream");
    }
}
