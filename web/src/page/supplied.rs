//! The parts of a form by which evidence comes in: dropped, picked, or pasted.

use maud::{Markup, html};
use report::visible;

use super::answered::megabytes;
use crate::entry::Visitor;
use crate::upload::{MAX_FILES, Taken};
use crate::workbench::Workbench;

/// Where a form with files is sent: it says in its address that it is ours, for it is not read before that is known.
pub fn action(address: &str, visitor: &Visitor) -> String {
    format!("{address}?csrf={}", visitor.csrf)
}

/// What a form keeps of an upload when it comes back with an error.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The batch; empty if there is none.
    pub batch: String,
    /// Its files.
    pub files: Vec<Taken>,
}

impl Kept {
    /// What is there of a batch.
    pub fn of(workbench: &Workbench, visitor: &Visitor, batch: Option<&str>) -> Kept {
        let files = batch.map(|batch| workbench.uploads().files(batch, &visitor.csrf)).unwrap_or_default();
        let batch = batch.filter(|_| !files.is_empty()).unwrap_or_default().to_owned();
        Kept { batch, files }
    }
}

/// The drop zone, the pickers, and the box for headers or a bounce. The script finds its way by the `data-` attributes.
pub fn fields(workbench: &Workbench, kept: &Kept) -> Markup {
    let max_bytes = workbench.max_upload_bytes();
    html! {
        // Before the files, so that those that come without a script go to the same batch.
        input type="hidden" name="batch" value=(kept.batch);
        div.drop data-drop data-max-files=(MAX_FILES) data-max-bytes=(max_bytes) {
            p.dropping data-only-script hidden { b { "Drop files, folders or a ZIP here" } ", or pick them:" }
            div.pickers {
                p { label for="files" { "Files" } input id="files" type="file" name="files" multiple; }
                p { label for="folder" { "A whole folder" } input id="folder" type="file" name="folder" webkitdirectory multiple; }
            }
            p.soft {
                "Exports, logs, samples (.eml, .msg), a ZIP of them. What a file is, is told by its content. Up to "
                (megabytes(max_bytes)) " and " (MAX_FILES) " files at once."
            }
            table.stack.queue data-queue hidden[kept.files.is_empty()] {
                caption { "Ready to be added" }
                thead { tr { th scope="col" { "File" } th scope="col" { "What it is" } th scope="col" { "Size" } th scope="col" { span.unseen { "Remove" } } } }
                tbody {
                    @for file in &kept.files {
                        tr data-number=(file.number) {
                            th scope="row" { (visible(&file.name)) }
                            td data-label="what it is" { "here" }
                            td.number data-label="size" { (megabytes(file.bytes)) }
                            td {}
                        }
                    }
                }
            }
            p role="status" data-said {}
        }
        label for="pasted" { "Or paste headers, or a bounce" }
        textarea id="pasted" name="pasted" rows="4" spellcheck="false" autocomplete="off" aria-describedby="pasted-help" {}
        p.soft id="pasted-help" { "The whole header of the message (\u{201c}view source\u{201d}), or the text of the non-delivery report. It is kept as pasted.eml." }
    }
}
