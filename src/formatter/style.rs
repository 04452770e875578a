//! The style where a line gets too long, and the columns of comments.
//!
//! A mapping in braces that does not fit into a line becomes a block, and so does a list in brackets that has mappings or lists in
//! it. A list of words goes on in the next line.

use yaml_parser::{SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};

use super::WIDTH;

/// A range of bytes with the text that takes its place.
struct Edit {
    from: usize,
    to: usize,
    text: String,
}

fn edited(text: &str, edits: Vec<Edit>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(&text[at..edit.from]);
        out.push_str(&edit.text);
        at = edit.to;
    }
    out.push_str(&text[at..]);
    out
}

/// The characters before a byte in its line.
pub(super) fn column(at: usize, root: &SyntaxNode) -> usize {
    let text = root.text().to_string();
    column_in(at, &text)
}

fn column_in(at: usize, text: &str) -> usize {
    text[..at].chars().rev().take_while(|&c| c != '\n').count()
}

fn range(node: &SyntaxNode) -> (usize, usize) {
    (node.text_range().start().into(), node.text_range().end().into())
}

/// A flow node of several lines that is the value of a key, or an item of a list, in a block; without anchors and comments.
struct Broken {
    node: SyntaxNode,
    items: Vec<SyntaxNode>,
    /// The entry of a mapping whose value it is; none: it is an item of a list.
    entry: Option<SyntaxNode>,
}

fn broken(root: &SyntaxNode) -> impl Iterator<Item = Broken> {
    root.descendants().filter_map(|node| {
        let is_flow = matches!(node.kind(), SyntaxKind::FLOW_MAP | SyntaxKind::FLOW_SEQ);
        if !is_flow || !node.text().contains_char('\n') {
            return None;
        }
        let flow = node.parent()?;
        if flow.children().count() > 1 {
            return None; // an anchor or a tag
        }
        let around = flow.parent()?;
        let entry = match around.kind() {
            SyntaxKind::BLOCK_MAP_VALUE => Some(around.parent()?),
            SyntaxKind::BLOCK_SEQ_ENTRY => None,
            _ => return None,
        };
        let has_lines = |text: &str| text.contains('\n');
        let whole = node.descendants_with_tokens().filter_map(SyntaxElement::into_token).all(|token| {
            token.kind() != SyntaxKind::COMMENT && (token.kind() == SyntaxKind::WHITESPACE || !has_lines(token.text()))
        });
        let items = node.children().flat_map(|entries| entries.children().collect::<Vec<_>>()).collect();
        whole.then_some(Broken { node, items, entry })
    })
}

/// An item in one line.
fn joined(item: &SyntaxNode) -> String {
    item.text().to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// True where an item is more than one scalar.
fn is_nested(item: &SyntaxNode) -> bool {
    let nests = |kind| matches!(kind, SyntaxKind::FLOW_MAP | SyntaxKind::FLOW_SEQ | SyntaxKind::FLOW_PAIR);
    item.descendants().any(|node| nests(node.kind()))
}

/// The text with what does not fit into a line as blocks; `None`: there is nothing such.
pub(super) fn unfolded(root: &SyntaxNode) -> Option<String> {
    let text = root.text().to_string();
    let mut edits = Vec::new();
    for Broken { node, items, entry } in broken(root) {
        let is_map = node.kind() == SyntaxKind::FLOW_MAP;
        let plain = items.iter().all(|item| item.kind() != SyntaxKind::FLOW_MAP_ENTRY || item.children().count() == 2);
        if items.is_empty() || !plain || (!is_map && !items.iter().any(is_nested)) {
            continue;
        }
        let (start, to) = range(&node);
        let mark = if is_map { "" } else { "- " };
        let (from, indent, first) = match &entry {
            Some(entry) => {
                let Some(colon) = entry.children_with_tokens().find(|child| child.kind() == SyntaxKind::COLON) else {
                    continue;
                };
                let indent = column_in(range(entry).0, &text) + 2;
                (colon.text_range().end().into(), indent, format!("\n{}", " ".repeat(indent)))
            }
            None => (start, column_in(start, &text), String::new()),
        };
        let items: Vec<String> = items.iter().map(|item| format!("{mark}{}", joined(item))).collect();
        edits.push(Edit { from, to, text: first + &items.join(&format!("\n{}", " ".repeat(indent))) });
    }
    (!edits.is_empty()).then(|| edited(&text, edits))
}

/// The text with lists of words as full lines instead of a word in each.
pub(super) fn filled(root: &SyntaxNode) -> String {
    let text = root.text().to_string();
    let mut edits = Vec::new();
    for Broken { node, items, entry } in broken(root) {
        if node.kind() != SyntaxKind::FLOW_SEQ || items.is_empty() || items.iter().any(is_nested) {
            continue;
        }
        let (from, to) = range(&node);
        let indent = entry.map_or_else(|| column_in(from, &text), |entry| column_in(range(&entry).0, &text) + 2);
        let mut width = column_in(from, &text) + 1;
        let mut list = String::from("[");
        let last = items.len() - 1;
        for (at, item) in items.iter().enumerate() {
            let item = joined(item) + if at == last { "]" } else { "," };
            let length = item.chars().count();
            if at > 0 && width + 1 + length > WIDTH {
                list.push('\n');
                list.push_str(&" ".repeat(indent));
                width = indent;
            } else if at > 0 {
                list.push(' ');
                width += 1;
            }
            list.push_str(&item);
            width += length;
        }
        edits.push(Edit { from, to, text: list });
    }
    edited(&text, edits)
}

/// A comment behind something, in its line.
struct Comment {
    line: usize,
    /// Columns before the line's content, and before the end of it.
    indent: usize,
    width: usize,
    length: usize,
    /// Bytes between the content and the comment.
    from: usize,
    to: usize,
}

/// The text with the comments of consecutive lines of one indentation below each other, two blanks behind the longest line.
pub(super) fn aligned(root: &SyntaxNode) -> String {
    let text = root.text().to_string();
    let mut comments: Vec<Comment> = Vec::new();
    for token in root.descendants_with_tokens().filter_map(SyntaxElement::into_token) {
        let Some(blank) = token.prev_token().filter(|_| token.kind() == SyntaxKind::COMMENT) else { continue };
        let from: usize = blank.text_range().start().into();
        if blank.kind() != SyntaxKind::WHITESPACE || blank.text().contains('\n') || from == 0 {
            continue;
        }
        let start = text[..from].rfind('\n').map_or(0, |at| at + 1);
        let content = &text[start..from];
        comments.push(Comment {
            line: text[..start].matches('\n').count(),
            indent: content.chars().take_while(|&c| c == ' ').count(),
            width: content.chars().count(),
            length: token.text().chars().count(),
            from,
            to: blank.text_range().end().into(),
        });
    }
    let consecutive = |one: &Comment, next: &Comment| one.line + 1 == next.line && one.indent == next.indent;
    let edits = comments.chunk_by(consecutive).flat_map(|lines| {
        let widest = lines.iter().map(|comment| comment.width).max().unwrap_or(0);
        let fits = lines.iter().all(|comment| widest + 2 + comment.length <= WIDTH);
        lines.iter().map(move |comment| {
            let blanks = if fits { widest - comment.width + 2 } else { 2 };
            Edit { from: comment.from, to: comment.to, text: " ".repeat(blanks) }
        })
    });
    edited(&text, edits.collect())
}

/// The texts of all comments, sorted.
pub(super) fn comments(root: &SyntaxNode) -> Vec<String> {
    let tokens = root.descendants_with_tokens().filter_map(SyntaxElement::into_token);
    let comments = tokens.filter(|token| token.kind() == SyntaxKind::COMMENT);
    let mut texts: Vec<String> = comments.map(|token| token.text().trim_end().to_owned()).collect();
    texts.sort();
    texts
}

/// A comment in a line of its own.
struct OwnLine {
    /// The first byte of its line's blanks, and of itself.
    from: usize,
    to: usize,
    indent: usize,
    /// The column of the block that it is in.
    around: Option<usize>,
    /// The columns of the blocks that end before it, the outer first.
    closed: Vec<usize>,
}

fn own_lines(root: &SyntaxNode, text: &str) -> Vec<OwnLine> {
    let mut found = Vec::new();
    let mut content: Option<SyntaxToken> = None;
    for token in root.descendants_with_tokens().filter_map(SyntaxElement::into_token) {
        match token.kind() {
            SyntaxKind::WHITESPACE => {}
            SyntaxKind::COMMENT => {
                let to: usize = token.text_range().start().into();
                let from = text[..to].rfind('\n').map_or(0, |at| at + 1);
                if !text[from..to].trim().is_empty() {
                    continue;
                }
                let is_block = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::BLOCK_MAP | SyntaxKind::BLOCK_SEQ);
                let around = token.parent_ancestors().find(is_block);
                let around = around.map(|block| column_in(range(&block).0, text));
                let blocks = content.iter().flat_map(SyntaxToken::parent_ancestors);
                let blocks = blocks.filter(|node| is_block(node) && range(node).1 <= to);
                let mut closed: Vec<usize> = blocks.map(|block| column_in(range(&block).0, text)).collect();
                closed.reverse();
                found.push(OwnLine { from, to, indent: to - from, around, closed });
            }
            _ => content = Some(token),
        }
    }
    found
}

/// The text with each comment at the end of a block indented like the block, where it was so before: the printer takes it for the
/// first line of what follows.
pub(super) fn reindented(root: &SyntaxNode, before: &SyntaxNode) -> String {
    let text = root.text().to_string();
    let (now, before) = (own_lines(root, &text), own_lines(before, &before.text().to_string()));
    let edits = now.into_iter().zip(before).filter_map(|(now, before)| {
        let fits = |&column: &usize| column <= before.indent && before.around.is_none_or(|around| around < column);
        let block = before.closed.iter().rposition(fits)?;
        let indent = *now.closed.get(block)?;
        (indent != now.indent).then(|| Edit { from: now.from, to: now.to, text: " ".repeat(indent) })
    });
    edited(&text, edits.collect())
}
