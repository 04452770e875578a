//! Firmware images.

/// What an image begins with; anything else can be signed, but not run.
const IMAGE_MAGIC: &[u8] = b"firmware image";

/// True for an image that this hardware can run.
pub fn runs(image: &[u8]) -> bool {
    image.starts_with(IMAGE_MAGIC)
}
