//! The abstract as PDF, typeset in this process by typst.
//!
//! The template is compiled in; what the report says is handed over as a JSON file, so that no text of a PICS or of a
//! product can become markup. Equal inputs give equal bytes.

use typst::{
    Library, LibraryExt as _, World,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Duration, Smart},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_kit::fonts::{self, FontStore};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, Timestamp};

use super::abstract_model::Abstract;

const TEMPLATE: &str = include_str!("abstract.typ");

/// Liberation Sans, under the SIL Open Font License (`data/fonts/LICENSE`).
const FONTS: [&[u8]; 2] = [
    include_bytes!("../../data/fonts/LiberationSans-Regular.ttf"),
    include_bytes!("../../data/fonts/LiberationSans-Bold.ttf"),
];

/// Typst refused our own template.
#[derive(Debug, thiserror::Error)]
#[error("the PDF can't be typeset: {0}")]
pub struct PdfError(String);

impl From<typst::ecow::EcoVec<SourceDiagnostic>> for PdfError {
    fn from(why: typst::ecow::EcoVec<SourceDiagnostic>) -> Self {
        Self(why.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("; "))
    }
}

/// The abstract as a PDF file.
pub(super) fn abstract_pdf(model: &Abstract) -> Result<Vec<u8>, PdfError> {
    let document = typeset(model)?;
    let time = model.finished.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    let time = Datetime::from_ymd_hms(
        time.year().into(),
        part(time.month()),
        part(time.day()),
        part(time.hour()),
        part(time.minute()),
        part(time.second()),
    );
    let options = PdfOptions {
        ident: Smart::Custom(model.run.clone()),
        creator: Smart::Custom(Some(model.tool.clone())),
        timestamp: time.map(Timestamp::new_utc),
        ..PdfOptions::default()
    };
    Ok(typst_pdf::pdf(&document, &options)?)
}

/// The abstract's pages.
fn typeset(model: &Abstract) -> Result<PagedDocument, PdfError> {
    Ok(typst::compile(&Desk::new(model)?).output?)
}

/// What typst sees of the world: a template, the data, the fonts.
struct Desk {
    library: LazyHash<Library>,
    fonts: FontStore,
    template: Source,
    data: (FileId, Bytes),
}

impl Desk {
    fn new(model: &Abstract) -> Result<Self, PdfError> {
        let id = |name: &str| {
            let path = VirtualPath::new(name).map_err(|error| PdfError(format!("{name}: {error:?}")))?;
            Ok::<_, PdfError>(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
        };
        let json = serde_json::to_string(model).map_err(|error| PdfError(error.to_string()))?;
        let mut store = FontStore::new();
        let embedded: Vec<Font> = FONTS.into_iter().flat_map(|data| Font::iter(Bytes::new(data))).collect();
        let known = |c: char| embedded.first().is_some_and(|font| font.info().coverage.contains(c.into()));
        let foreign = json.chars().any(|c| !c.is_ascii() && !known(c));
        store.extend(embedded.iter().map(|font| (font.clone(), font.info().clone())));
        if foreign {
            // Scripts beyond Latin, Greek and Cyrillic are set in what the machine has.
            store.extend(fonts::system());
        }
        Ok(Self {
            library: LazyHash::new(Library::default()),
            fonts: store,
            template: Source::new(id("abstract.typ")?, TEMPLATE.to_owned()),
            data: (id("abstract.json")?, Bytes::from_string(json)),
        })
    }
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() { Ok(self.template.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data.0 { Ok(self.data.1.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

#[cfg(test)]
mod tests {
    use typst::layout::{Frame, FrameItem, Point};

    use super::*;
    use crate::report::abstract_tests::{hostile, model, sample};

    /// The text of a page, and how far to the right and down any of it reaches, in points.
    fn look(frame: &Frame, at: Point, text: &mut String, reach: &mut (f64, f64)) {
        for (place, item) in frame.items() {
            let place = at + *place;
            match item {
                FrameItem::Group(group) => look(&group.frame, place, text, reach),
                FrameItem::Text(run) => {
                    text.push_str(&run.text);
                    text.push(' ');
                    reach.0 = reach.0.max((place.x + run.width()).to_pt());
                    reach.1 = reach.1.max(place.y.to_pt());
                }
                _ => {}
            }
        }
    }

    fn pages(document: &PagedDocument) -> Vec<(String, (f64, f64))> {
        let page = |page: &typst_layout::Page| {
            let (mut text, mut reach) = (String::new(), (0.0, 0.0));
            look(&page.frame, Point::zero(), &mut text, &mut reach);
            (text, reach)
        };
        document.pages().iter().map(page).collect()
    }

    #[test]
    fn every_page_says_what_it_is_not_and_repeats_the_heading_of_a_table_that_goes_on() {
        let pages = pages(&typeset(&sample("cp-flex-plus-eu")).unwrap());
        assert!((5..=8).contains(&pages.len()), "{} pages", pages.len());
        for (number, (text, _)) in pages.iter().enumerate() {
            assert!(text.contains("Not a certificate of the Open Charge Alliance"), "{text}");
            assert!(text.contains("CP Flex Plus EU") && text.contains("run-id"), "{text}");
            assert!(text.contains(&format!("Page {} of {}", number + 1, pages.len())), "{text}");
        }
        // Optional features go over several pages; each begins with a heading.
        let going_on = |(text, _): &&(String, _)| {
            let first = text.split("run-id").nth(1).unwrap_or_default();
            first.trim_start().starts_with("ID ")
        };
        assert!(pages.iter().filter(going_on).count() >= 2);
    }

    #[test]
    fn equal_runs_give_equal_bytes() {
        let model = sample("greenflux-ev-platform");
        let first = abstract_pdf(&model).unwrap();
        typst::comemo::evict(0);
        assert!(first == abstract_pdf(&model).unwrap());
        assert!(first.starts_with(b"%PDF-"));
    }

    #[test]
    fn hostile_text_is_printed_as_it_is_and_stays_on_the_page() {
        for text in hostile() {
            let document = typeset(&model("beny-bcpcv-ct2m-p", &text)).unwrap();
            let pages = pages(&document);
            for (page, (right, down)) in &pages {
                assert!(*right <= 595.3 - 50.0 && *down <= 842.0 - 20.0, "off the page ({right}, {down}): {page}");
            }
            let all: String = pages.iter().flat_map(|(text, _)| text.chars()).filter(|c| !c.is_whitespace()).collect();
            if text.contains("#import") {
                assert!(all.contains("#import\"evil.typ\":*"), "markup was obeyed");
                assert!(all.contains("<script>alert(1)</script>"));
            }
        }
    }
}
