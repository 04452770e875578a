//! Puts the keys of mappings in order, in the text: an entry moves with the comments above it and the one behind it.

use std::collections::HashSet;

use yaml_parser::{SyntaxKind, SyntaxNode, SyntaxToken};

use super::{Unprintable, order::Place, style::column, syntax};

/// The text with its keys in order.
pub(super) fn sorted(text: &str, place: Place) -> Result<String, Unprintable> {
    let root = syntax(text)?;
    let mut sorting = Sorting { moved: HashSet::new(), out: String::with_capacity(text.len()) };
    sorting.node(&root, place);
    Ok(sorting.out)
}

struct Sorting {
    /// Tokens that were written with the entry that they belong to, though they stand behind its mapping.
    moved: HashSet<SyntaxToken>,
    out: String,
}

/// An entry with what moves with it.
struct Entry {
    node: SyntaxNode,
    key: String,
    /// The lines above it: comments, and empty ones.
    above: Vec<String>,
    /// The comment behind it.
    behind: Option<SyntaxToken>,
    /// Comments below it that are indented like what is within it, with the blanks before them.
    below: Vec<String>,
}

impl Sorting {
    fn node(&mut self, node: &SyntaxNode, place: Place) {
        match node.kind() {
            SyntaxKind::BLOCK_MAP => self.block(node, place),
            SyntaxKind::FLOW_MAP_ENTRIES => self.flow(node, place),
            _ => self.children(node, place),
        }
    }

    fn children(&mut self, node: &SyntaxNode, place: Place) {
        for child in node.children_with_tokens() {
            if let Some(child) = child.as_node() {
                self.node(child, place);
            } else if let Some(token) = child.as_token().filter(|&token| !self.moved.contains(token)) {
                self.out.push_str(token.text());
            }
        }
    }

    /// A mapping as it stands, each value at its own place.
    fn as_it_stands(&mut self, map: &SyntaxNode, place: Place, keys: &[String]) {
        let mut at = 0;
        for child in map.children_with_tokens() {
            if let Some(child) = child.as_node() {
                let value = keys.get(at).map_or(Place::Free, |key| place.child(key, keys.iter().map(String::as_str)));
                self.children(child, value);
                at += 1;
            } else if let Some(token) = child.as_token().filter(|&token| !self.moved.contains(token)) {
                self.out.push_str(token.text());
            }
        }
    }

    fn block(&mut self, map: &SyntaxNode, place: Place) {
        let root = map.ancestors().last().unwrap_or(map.clone());
        let outside = column(map.text_range().start().into(), &root);
        let mut entries: Vec<Entry> = Vec::new();
        let mut above = Vec::new();
        let mut new_line = true;
        for child in map.children_with_tokens() {
            if let Some(node) = child.as_node() {
                let above = std::mem::take(&mut above);
                entries.push(Entry { node: node.clone(), key: key(node), above, behind: None, below: Vec::new() });
                new_line = false;
            } else if let Some(token) = child.as_token() {
                if token.kind() == SyntaxKind::COMMENT {
                    let indent = column(token.text_range().start().into(), &root);
                    match entries.last_mut() {
                        Some(entry) if !new_line => entry.behind = Some(token.clone()),
                        Some(entry) if indent > outside && above.is_empty() => {
                            entry.below.push(" ".repeat(indent) + token.text());
                        }
                        _ => above.push(token.text().to_owned()),
                    }
                } else {
                    let lines = token.text().matches('\n').count();
                    new_line = lines > 0;
                    if lines > 1 {
                        above.push(String::new());
                    }
                }
            }
        }
        let keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let Some(order) = place.order(&names).filter(|_| above.iter().all(String::is_empty)) else {
            return self.as_it_stands(map, place, &keys);
        };
        let mut taken = None;
        if let (Some(last), Some((blank, comment))) = (entries.last_mut(), comment_behind(map)) {
            last.behind = Some(comment.clone());
            taken = Some(comment.clone());
            self.moved.extend([blank, comment]);
        }
        let indent = " ".repeat(outside);
        for (at, &index) in order.iter().enumerate() {
            let entry = &entries[index];
            let above = entry.above.iter().filter(|line| at > 0 || !line.is_empty());
            let line_before = if at > 0 { "\n" } else { "" };
            self.out.push_str(line_before);
            for line in above {
                if !line.is_empty() {
                    self.out.push_str(if at > 0 { &indent } else { "" });
                    self.out.push_str(line);
                }
                self.out.push('\n');
            }
            if at > 0 || entry.above.iter().any(|line| !line.is_empty()) {
                self.out.push_str(&indent);
            }
            self.children(&entry.node, place.child(&entry.key, names.iter().copied()));
            let taken_within = |comment: &SyntaxToken| self.moved.contains(comment) && taken.as_ref() != Some(comment);
            if let Some(comment) = entry.behind.as_ref().filter(|&comment| !taken_within(comment)) {
                self.out.push(' ');
                self.out.push_str(comment.text());
            }
            for comment in &entry.below {
                self.out.push('\n');
                self.out.push_str(comment);
            }
        }
    }

    fn flow(&mut self, map: &SyntaxNode, place: Place) {
        let entries: Vec<SyntaxNode> = map.children().collect();
        let keys: Vec<String> = entries.iter().map(key).collect();
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let tokens = map.descendants_with_tokens();
        let has_comments = tokens.into_iter().any(|element| element.kind() == SyntaxKind::COMMENT);
        let Some(order) = place.order(&names).filter(|_| !has_comments) else {
            return self.as_it_stands(map, place, &keys);
        };
        for (at, &index) in order.iter().enumerate() {
            self.out.push_str(if at > 0 { ", " } else { "" });
            self.children(&entries[index], place.child(&keys[index], names.iter().copied()));
        }
    }
}

/// The key of an entry.
fn key(entry: &SyntaxNode) -> String {
    let is_key = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::BLOCK_MAP_KEY | SyntaxKind::FLOW_MAP_KEY);
    let key = entry.children().find(is_key).map(|key| key.text().to_string()).unwrap_or_default();
    key.trim().trim_matches(['"', '\'']).to_owned()
}

/// The comment that stands behind the last line of a mapping, with the blank before it.
fn comment_behind(map: &SyntaxNode) -> Option<(SyntaxToken, SyntaxToken)> {
    let blank = map.last_token()?.next_token()?;
    let comment = blank.next_token()?;
    let same_line = blank.kind() == SyntaxKind::WHITESPACE && !blank.text().contains('\n');
    (same_line && comment.kind() == SyntaxKind::COMMENT).then_some((blank, comment))
}
