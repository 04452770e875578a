//! What a page draws: its characters, and the rules of its tables.

use hayro_interpret::{
    BlendMode, ClipPath, Device, GlyphDrawMode, Image, Paint, PathDrawMode, SoftMask, font::Glyph as Drawn,
    hayro_cmap::BfString,
};
use kurbo::{Affine, BezPath, PathEl, Point, Shape, Vec2};

/// At most so many characters are taken from a document.
pub(super) const MAX_GLYPHS: usize = 500_000;
/// At most so many rules are taken from a page.
const MAX_RULES: usize = 20_000;
/// What is thinner is a rule, in points.
const THIN: f64 = 2.5;
/// What is shorter is no rule, in points.
const SHORT: f64 = 4.0;

/// A character on the page; y goes down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    /// What it is; a ligature may be several.
    pub(super) text: String,
    /// Left end on the base line.
    pub(super) x: f64,
    /// Right end.
    pub(super) end: f64,
    /// The base line.
    pub(super) y: f64,
    /// The font's size.
    pub(super) size: f64,
}

/// A rule from `from` to `to`, at `at` across its direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub(super) at: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Collects what a page draws.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) glyphs: Vec<Glyph>,
    /// Rules from left to right.
    pub(super) across: Vec<Rule>,
    /// Rules from top to bottom.
    pub(super) down: Vec<Rule>,
    /// Images that were drawn.
    pub(super) images: usize,
    /// Characters that the font does not name.
    pub(super) meaningless: usize,
    /// Characters by their direction: to the right, down, to the left, up, and otherwise.
    pub(super) directions: [usize; 5],
    /// There was more than is taken.
    pub(super) overflowed: bool,
}

impl Collector {
    fn rule(&mut self, one: Point, other: Point) {
        let across = (one.x - other.x).abs();
        let down = (one.y - other.y).abs();
        if !(across.is_finite() && down.is_finite()) {
            return;
        }
        let (rules, rule) = if down <= THIN && across >= SHORT {
            let at = f64::midpoint(one.y, other.y);
            (&mut self.across, Rule { at, from: one.x.min(other.x), to: one.x.max(other.x) })
        } else if across <= THIN && down >= SHORT {
            let at = f64::midpoint(one.x, other.x);
            (&mut self.down, Rule { at, from: one.y.min(other.y), to: one.y.max(other.y) })
        } else {
            return;
        };
        if rules.len() < MAX_RULES {
            rules.push(rule);
        }
    }
}

impl<'a> Device<'a> for Collector {
    fn draw_glyph(
        &mut self,
        glyph: &Drawn<'a>,
        transform: Affine,
        glyph_transform: Affine,
        _: &Paint<'a>,
        _: &GlyphDrawMode,
    ) {
        if self.glyphs.len() >= MAX_GLYPHS {
            self.overflowed = true;
            return;
        }
        let text = match glyph.as_unicode() {
            Some(BfString::Char(c)) => c.to_string(),
            Some(BfString::String(text)) => text,
            None => String::new(),
        };
        let width = match glyph {
            Drawn::Outline(outline) => outline.advance_width().map_or(500.0, f64::from),
            Drawn::Type3(_) => 500.0,
        };
        let place = transform * glyph_transform;
        let along = |vector: Vec2| place * vector.to_point() - place * Point::ORIGIN;
        let (forward, upward) = (along(Vec2::new(1000.0, 0.0)), along(Vec2::new(0.0, 1000.0)));
        let size = upward.hypot();
        if !(size.is_finite() && forward.is_finite() && size > 0.0) {
            return;
        }
        let direction = match forward {
            to if to.y.abs() < to.x.abs() * 0.05 => {
                if to.x > 0.0 {
                    0
                } else {
                    2
                }
            }
            to if to.x.abs() < to.y.abs() * 0.05 => {
                if to.y > 0.0 {
                    1
                } else {
                    3
                }
            }
            _ => 4,
        };
        self.directions[direction] += usize::from(!text.trim().is_empty());
        if direction != 0 {
            return;
        }
        // A private use area says as little as nothing.
        let unknown = text.is_empty() || text.chars().all(|c| matches!(c, '\0' | '\u{e000}'..='\u{f8ff}' | '\u{fffd}'));
        if unknown {
            self.meaningless += 1;
        }
        let start = place * Point::ORIGIN;
        let text = if unknown { '\u{fffd}'.to_string() } else { text };
        let end = start.x + along(Vec2::new(width, 0.0)).x;
        self.glyphs.push(Glyph { text, x: start.x, end, y: start.y, size });
    }

    fn draw_path(&mut self, path: &BezPath, transform: Affine, _: &Paint<'a>, mode: &PathDrawMode) {
        let path = transform * path;
        match mode {
            PathDrawMode::Fill(_) => {
                let bounds = path.bounding_box();
                let straight = path.elements().iter().all(|el| !matches!(el, PathEl::CurveTo(..) | PathEl::QuadTo(..)));
                if straight && bounds.width().min(bounds.height()) <= THIN {
                    self.rule(bounds.origin(), Point::new(bounds.x1, bounds.y1));
                }
            }
            PathDrawMode::Stroke(_) => {
                for line in path.segments().filter_map(|segment| match segment {
                    kurbo::PathSeg::Line(line) => Some(line),
                    _ => None,
                }) {
                    self.rule(line.p0, line.p1);
                }
            }
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: Affine) {
        self.images += 1;
    }

    fn set_soft_mask(&mut self, _: Option<SoftMask<'a>>) {}
    fn set_blend_mode(&mut self, _: BlendMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip_path(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
