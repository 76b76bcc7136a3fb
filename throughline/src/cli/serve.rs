//! `serve`: the workbench.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Clocks;
use super::case::Store;

/// Examples of `serve`.
pub const EXAMPLES: &str = "Examples:
  throughline serve
      On http://127.0.0.1:8025; open the login link that is printed. Ctrl-C ends it.
  throughline serve --user kim=engineer --user sam=security --user visitor=reader
      A link for each; only sam can approve what is broad.
  throughline serve --listen 127.0.0.1:0 --store /srv/throughline
      A free port, and the cases of another folder.
  throughline serve --user desk=engineer --token-for desk
      A token too, with which a program works over HTTP.
  throughline serve --listen 0.0.0.0:8443 --beyond-this-machine --tls-cert desk.pem --tls-key desk.key --host desk.example.com
      For others in the network: only with TLS, and only if you say so.
Each login link can be used once, for an hour; Enter prints new ones. The same as JSON stands under /api/v1 (docs/api.md).
Exit status: 0 ended by Ctrl-C · 2 usage, or the address is taken";

/// Options of `serve`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8025")]
    pub listen: SocketAddr,
    /// Who may come in: NAME=ROLE, roles are reader, engineer and security, several with +; may be given several times. Default is
    /// the name of --as as engineer
    #[arg(long, value_name = "NAME=ROLE")]
    pub user: Vec<web::User>,
    /// Print a token of the API for this user, for programs; may be given several times. It counts for 30 days, or until this ends
    #[arg(long, value_name = "NAME")]
    pub token_for: Vec<String>,
    /// How many bytes one upload may have
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 30)]
    pub max_upload: u64,

    /// Listen on an address that others can reach; needs TLS
    #[arg(long, requires_all = ["tls_cert", "tls_key"], help_heading = "Beyond this machine")]
    pub beyond_this_machine: bool,
    /// Certificate, PEM, with what leads to its issuer
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Beyond this machine")]
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Beyond this machine")]
    pub tls_key: Option<PathBuf>,
    /// Name by which it is reached, such as desk.example.com; may be given several times. Another name in a request is refused
    #[arg(long, value_name = "NAME", help_heading = "Beyond this machine")]
    pub host: Vec<String>,

    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
}
