//! `serve`: the workbench, over the same functions as the commands.

mod office;
mod record;
mod staging;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use web::{Listening, Started, Tls, User};

use crate::case::desk::Desk;
use crate::cli::serve::Serve;
use crate::failure::Failure;
use crate::progress;
use office::Program;

/// How often it is looked whether Ctrl-C was pressed.
const EVERY: Duration = Duration::from_millis(100);

/// Serves the workbench until Ctrl-C; gives the exit status.
///
/// # Errors
/// [`Failure`] if the options do not fit, or if the address or the store cannot be used.
pub fn run(options: &Serve) -> Result<u8, Failure> {
    only_this_machine(options)?;
    let desk = Desk::open_or_make(&options.store, &options.clocks)?;
    let users = if options.user.is_empty() { vec![alone(&desk.who)?] } else { options.user.clone() };
    known(&options.token_for, &users)?;
    let listening = Listening {
        at: options.listen,
        names: options.host.clone(),
        tls: options.tls_cert.clone().zip(options.tls_key.clone()).map(|(certificate, key)| Tls { certificate, key }),
        users,
        max_upload_bytes: options.max_upload,
    };
    let office = Arc::new(Program::new(desk.root.clone(), options.clocks.clone()));
    office.tidy();
    drop(desk);
    progress::stop_on_ctrl_c();
    let mut running = |started: Arc<Started>| {
        tell(&started);
        tell_tokens(&started, &options.token_for);
        let watched = Arc::clone(&started);
        std::thread::spawn(move || {
            while !progress::is_stopped() {
                std::thread::sleep(EVERY);
            }
            watched.stop();
        });
        if std::io::stdin().is_terminal() {
            std::thread::spawn(move || std::io::stdin().lock().lines().for_each(|_| tell(&started)));
        }
    };
    web::serve(&listening, office, &mut running).map_err(|error| Failure::Usage {
        what: format!("--listen {}", options.listen),
        expected: "an address that is free, and a certificate with its key if there is TLS".to_owned(),
        found: error.to_string(),
        hint: "--listen 127.0.0.1:0 takes a free port".to_owned(),
    })?;
    Ok(0)
}

/// Asks that nobody else can reach it, unless that is said, and then only with TLS.
fn only_this_machine(options: &Serve) -> Result<(), Failure> {
    let wrong = |expected: &str, hint: &str| Failure::Usage {
        what: format!("--listen {}", options.listen),
        expected: expected.to_owned(),
        found: "one that others can reach".to_owned(),
        hint: hint.to_owned(),
    };
    if options.listen.ip().is_loopback() {
        return Ok(());
    }
    if !options.beyond_this_machine {
        let hint = "If others are meant to reach it: --beyond-this-machine with --tls-cert and --tls-key";
        return Err(wrong("an address of this machine alone, such as 127.0.0.1:8025", hint));
    }
    if options.listen.ip().is_unspecified() && options.host.is_empty() {
        return Err(wrong("the name by which it is reached", "Name it with --host, such as --host desk.example.com"));
    }
    Ok(())
}

/// Asks that tokens are wanted for users only.
fn known(names: &[String], users: &[User]) -> Result<(), Failure> {
    let Some(name) = names.iter().find(|name| !users.iter().any(|user| user.name == **name)) else { return Ok(()) };
    let known: Vec<String> = users.iter().map(|user| report::visible(&user.name)).collect();
    Err(Failure::Usage {
        what: "--token-for".to_owned(),
        expected: format!("one of the users: {}", known.join(", ")),
        found: format!("`{}`", report::visible(name)),
        hint: "--user NAME=ROLE says who may come in".to_owned(),
    })
}

/// The one user of a workbench that names none.
fn alone(who: &str) -> Result<User, Failure> {
    let role = web::Roles::default().with(web::Role::Engineer);
    Ok(User { name: who.to_owned(), roles: role })
}

/// Tells where it is, with a new link for each user. What was printed before still counts for its hour.
fn tell(started: &Started) {
    let mut out = std::io::stdout().lock();
    let mut told = String::from("The workbench is open. Each link lets one in, once, within the hour:\n");
    for (user, link) in started.links() {
        told.push_str(&format!("  {} ({}): {link}\n", report::visible(&user.name), user.roles));
    }
    if std::io::stdin().is_terminal() {
        told.push_str("Enter prints new links, Ctrl-C ends.\n");
    }
    // Nobody may read it: the workbench is open all the same.
    let _ = out.write_all(told.as_bytes()).and_then(|()| out.flush());
}

/// Tells new tokens, once.
fn tell_tokens(started: &Started, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let mut told = String::from("Tokens of the API, for 30 days or until this ends:\n");
    for (user, token) in names.iter().filter_map(|name| started.token(name)) {
        told.push_str(&format!("  {} ({}): {token}\n", report::visible(&user.name), user.roles));
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(told.as_bytes()).and_then(|()| out.flush());
}
