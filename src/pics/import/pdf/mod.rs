//! Text and tables of a PDF, by the places of its characters and rules.
//!
//! `hayro-interpret` runs the pages' drawing operators (scripts, actions and attachments are none) and tells of each character what
//! it is and where it stands. It is no sandbox: a hostile file may take all memory or overflow the stack. The command line therefore
//! reads PDFs in a process of its own (`cli/pdf_reader.rs`).

mod glyphs;
mod page;

use std::{f64::consts::FRAC_PI_2, sync::Arc};

use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings,
    font::FontData,
    hayro_syntax::{DecryptionError, LoadPdfError, Pdf},
    interpret_page,
};
use kurbo::{Affine, Rect};

use self::glyphs::Collector;
use super::document::Sheet;

/// At most so many pages are read; certificates have about ten.
const MAX_PAGES: usize = 300;

/// Characters without a meaning that a page may have before its text counts as unreadable: one in so many.
const MEANINGLESS: usize = 4;

/// Why a PDF could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum PdfError {
    /// A password is needed.
    #[error("the PDF is protected by a password")]
    Password,
    /// It is encrypted in a way that can't be undone.
    #[error("the PDF is encrypted in a way that is not known here")]
    Encrypted,
    /// No PDF, or a broken one.
    #[error("the PDF is damaged: it has no pages that can be read")]
    Damaged,
    /// Pictures only.
    #[error("the PDF holds images only, no text: it is a scan")]
    Scan,
    /// Nothing at all.
    #[error("the PDF holds no text")]
    Empty,
    /// Its fonts do not tell which characters they show.
    #[error("the text of the PDF can't be read: its fonts don't tell which characters they show")]
    Meaningless,
    /// Far more than a certificate holds.
    #[error("the PDF holds more than a certificate does: at most {MAX_PAGES} pages and 500,000 characters are read")]
    TooLarge,
}

impl PdfError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            PdfError::Password | PdfError::Encrypted => {
                "open it with its password and print it to a new PDF, or copy its text into a text file"
            }
            PdfError::Damaged => "download it again, or print it to a new PDF in a PDF viewer",
            PdfError::Scan => {
                "have its text recognised (OCR, for example with `ocrmypdf`), or ask the vendor for the original PDF"
            }
            PdfError::Empty => "check that this is the certificate",
            PdfError::Meaningless => {
                "print it to a new PDF and have its text recognised (OCR, for example with `ocrmypdf --force-ocr`)"
            }
            PdfError::TooLarge => "extract the certificate's pages into a PDF of their own",
        }
    }
}

/// Reads the pages of a PDF.
pub fn read(bytes: Vec<u8>) -> Result<Vec<Sheet>, PdfError> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => PdfError::Password,
        LoadPdfError::Decryption(_) => PdfError::Encrypted,
        LoadPdfError::Invalid => PdfError::Damaged,
    })?;
    let pages = pdf.pages();
    if pages.is_empty() {
        return Err(PdfError::Damaged);
    }
    if pages.len() > MAX_PAGES {
        return Err(PdfError::TooLarge);
    }
    let cache = InterpreterCache::new();
    let mut sheets = Vec::new();
    let (mut images, mut letters, mut meaningless) = (0, 0, 0);
    for page in pages.iter() {
        let collect = |turned: Affine| {
            let (width, height) = page.render_dimensions();
            let bounds = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
            let transform = turned * Affine::new(page.initial_transform(true).as_coeffs());
            let mut context = Context::new(transform, bounds, &cache, pdf.xref(), settings());
            let mut collector = Collector::default();
            interpret_page(page, &mut context, &mut collector);
            collector
        };
        let mut collector = collect(Affine::IDENTITY);
        // A page that lies on its side is set upright.
        let (quarters, most) = (0_u32..4).zip(collector.directions).max_by_key(|(_, count)| *count).unwrap_or_default();
        if quarters > 0 && most > collector.directions[0] * 2 {
            collector = collect(Affine::rotate(-f64::from(quarters) * FRAC_PI_2));
        }
        letters += collector.glyphs.len();
        meaningless += collector.meaningless;
        images += collector.images;
        if collector.overflowed || letters > glyphs::MAX_GLYPHS {
            return Err(PdfError::TooLarge);
        }
        sheets.push(page::sheet(collector));
    }
    if letters == 0 {
        return Err(if meaningless > 0 {
            PdfError::Meaningless
        } else if images > 0 {
            PdfError::Scan
        } else {
            PdfError::Empty
        });
    }
    if meaningless * MEANINGLESS > letters {
        return Err(PdfError::Meaningless);
    }
    Ok(sheets)
}

/// Fonts that are not in the file are Liberation Sans, whose widths are those of Helvetica; the places of words need no more.
fn settings() -> InterpreterSettings {
    let font: FontData = Arc::new(include_bytes!("../../../../data/fonts/LiberationSans-Regular.ttf"));
    InterpreterSettings {
        font_resolver: Arc::new(move |_| Some((Arc::clone(&font), 0))),
        cmap_resolver: Arc::new(|_| None),
        warning_sink: Arc::new(|_| {}),
        // Filled-in form fields are annotations.
        render_annotations: true,
    }
}
