//! What is said about a server and its keys in a client's file.

use super::{
    super::file::{Comment, Member, Tree},
    Entry,
};

/// Gives an entry the comments that stand at it. What is said about a key that is not taken goes with
/// that key; what is said in between is said above all of it.
pub(super) fn attach(entry: &mut Entry, (tree, text): (&Tree, &str), server: &Member) {
    let mut above = tree.comments_of(text, server);
    let mut placed: Vec<usize> = above.iter().map(|comment| comment.span.start).collect();
    let mut said = Vec::new();
    let keys = server.node.members().unwrap_or_default();
    let inner = keys
        .iter()
        .flat_map(|key| key.node.members().unwrap_or_default());
    for member in inner.chain(keys) {
        let comments: Vec<&Comment> = tree
            .comments_of(text, member)
            .into_iter()
            .filter(|comment| !placed.contains(&comment.span.start))
            .collect();
        placed.extend(comments.iter().map(|comment| comment.span.start));
        if !comments.is_empty() {
            said.push((member.at.start, lines(comments)));
        }
    }
    let inside = |comment: &&Comment| {
        let start = comment.span.start;
        entry.span.contains(&start) && !placed.contains(&start)
    };
    above.extend(tree.comments.iter().filter(inside));
    entry.comments.splice(0..0, lines(above));
    entry.said = said;
}

fn lines(comments: Vec<&Comment>) -> Vec<String> {
    comments.into_iter().flat_map(Comment::lines).collect()
}
