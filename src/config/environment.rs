//! The process's environment: read here and nowhere else.

/// A variable that is set to text and not empty.
#[expect(clippy::disallowed_methods, reason = "this is where the environment enters")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Who works at the command line, for the log: `cli:maria`.
pub fn operator() -> String {
    let user = variable("USER").or_else(|| variable("LOGNAME")).or_else(owner_of_this_process);
    format!("cli:{}", user.unwrap_or_else(|| "unknown".into()))
}

/// A service manager may set no names; the kernel knows the number.
fn owner_of_this_process() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    Some(format!("uid {}", std::fs::metadata("/proc/self").ok()?.uid()))
}
