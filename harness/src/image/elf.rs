//! The program in every image: a static executable that waits for SIGTERM or SIGINT and exits 0. With an
//! argument it exits at once, as an init container has to.
//!
//! As process 1 of a container it has no default action for signals, but a blocked signal is kept
//! for the process that waits for it. So it blocks both and waits.

use super::Arch;

/// Where the file is mapped. Aligned for pages of up to 64 KiB, which arm64 may have.
const BASE: u64 = 0x40_0000;
const PAGE: u64 = 0x1_0000;
const HEADERS: u64 = 64 + 56;

/// SIGINT (2) and SIGTERM (15), as the kernel's bit set.
const SIGNALS: u64 = 1 << (2 - 1) | 1 << (15 - 1);

#[rustfmt::skip]
const AMD64: &[u8] = &[
    // The number of words of the command is at the top of the stack.
    0x48, 0x83, 0x3c, 0x24, 1,         // cmp qword [rsp], 1
    0x77, 48,                          // ja exit
    // block: rt_sigprocmask(SIG_BLOCK, signals, NULL, 8)
    0xb8, 14, 0, 0, 0,                 // mov eax, 14
    0x31, 0xff,                        // xor edi, edi
    0x48, 0x8d, 0x35, 43, 0, 0, 0,     // lea rsi, [rip + signals]
    0x31, 0xd2,                        // xor edx, edx
    0x6a, 8,                           // push 8
    0x41, 0x5a,                        // pop r10
    0x0f, 0x05,                        // syscall
    // wait: rt_sigtimedwait(signals, NULL, NULL, 8)
    0xb8, 128, 0, 0, 0,                // mov eax, 128
    0x48, 0x8d, 0x3d, 23, 0, 0, 0,     // lea rdi, [rip + signals]
    0x31, 0xf6,                        // xor esi, esi
    0x31, 0xd2,                        // xor edx, edx
    0x6a, 8,                           // push 8
    0x41, 0x5a,                        // pop r10
    0x0f, 0x05,                        // syscall
    // A stop and a continue end the wait with EINTR.
    0x85, 0xc0,                        // test eax, eax
    0x78, 0xe6,                        // js wait
    // exit: exit(0)
    0xb8, 60, 0, 0, 0,                 // mov eax, 60
    0x31, 0xff,                        // xor edi, edi
    0x0f, 0x05,                        // syscall
    // signals: at the next multiple of 8
];

const ARM64: &[u32] = &[
    // The number of words of the command is at the top of the stack.
    0xf940_03e0, // ldr x0, [sp]
    0xf100_041f, // cmp x0, #1
    0x5400_01c8, // b.hi exit
    // block: rt_sigprocmask(SIG_BLOCK, signals, NULL, 8)
    0xd280_0000, // mov x0, #0
    0x1000_0201, // adr x1, signals
    0xd280_0002, // mov x2, #0
    0xd280_0103, // mov x3, #8
    0xd280_10e8, // mov x8, #135
    0xd400_0001, // svc #0
    // wait: rt_sigtimedwait(signals, NULL, NULL, 8)
    0x1000_0160, // adr x0, signals
    0xd280_0001, // mov x1, #0
    0xd280_0002, // mov x2, #0
    0xd280_0103, // mov x3, #8
    0xd280_1128, // mov x8, #137
    0xd400_0001, // svc #0
    // A stop and a continue end the wait with EINTR.
    0x37ff_ff40, // tbnz w0, #31, wait
    // exit: exit(0)
    0xd280_0000, // mov x0, #0
    0xd280_0ba8, // mov x8, #93
    0xd400_0001, // svc #0
                 // signals: at the next multiple of 8
];

/// The executable for an architecture.
pub(super) fn executable(arch: Arch) -> Vec<u8> {
    let (machine, mut code) = match arch {
        Arch::Amd64 => (62_u16, AMD64.to_vec()),
        Arch::Arm64 => (183_u16, ARM64.iter().flat_map(|word| word.to_le_bytes()).collect()),
    };
    code.resize(code.len().next_multiple_of(8), 0);
    code.extend(SIGNALS.to_le_bytes());
    let size = HEADERS + code.len() as u64;

    let mut file = Vec::with_capacity(size as usize);
    // ELF header: 64 bits, little endian, an executable.
    file.extend(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend(2_u16.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend((BASE + HEADERS).to_le_bytes()); // where it begins
    file.extend(64_u64.to_le_bytes()); // the program header follows
    file.extend(0_u64.to_le_bytes()); // no sections
    file.extend(0_u32.to_le_bytes());
    for value in [64_u16, 56, 1, 64, 0, 0] {
        file.extend(value.to_le_bytes());
    }
    // Program header: all of the file, to read and execute.
    file.extend(1_u32.to_le_bytes());
    file.extend(5_u32.to_le_bytes());
    for value in [0, BASE, BASE, size, size, PAGE] {
        file.extend(value.to_le_bytes());
    }
    file.extend(code);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    mod run {
        use std::os::unix::fs::OpenOptionsExt as _;
        use std::os::unix::process::ExitStatusExt as _;
        use std::process::{Child, Command, ExitStatus, Stdio};
        use std::time::{Duration, Instant};

        use rustix::process::{Pid, Signal, kill_process};

        use super::*;

        /// A running program; a test that fails does not leave it behind.
        struct Program {
            child: Child,
            _folder: tempfile::TempDir,
        }

        impl Drop for Program {
            fn drop(&mut self) {
                self.child.kill().ok();
                self.child.wait().ok();
            }
        }

        impl Program {
            fn start() -> Self {
                let program = Self::spawn(&[]);
                // It sleeps only in its wait; before that a signal would kill it.
                until(|| program.state().contains("S (sleeping)").then_some(()));
                program
            }

            fn spawn(arguments: &[&str]) -> Self {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("pullproof");
                let mut options = std::fs::OpenOptions::new();
                let mut file =
                    options.create_new(true).write(true).mode(0o755).open(&path).unwrap();
                std::io::Write::write_all(&mut file, &executable(Arch::Amd64)).unwrap();
                drop(file);
                // Another test's fork may still hold the file open for writing: ETXTBSY.
                let mut command = Command::new(&path);
                command.args(arguments).stdout(Stdio::null());
                let child = until(|| command.spawn().ok());
                Self { child, _folder: folder }
            }

            fn state(&self) -> String {
                std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap()
            }

            fn signal(&self, signal: Signal) {
                kill_process(Pid::from_child(&self.child), signal).unwrap();
            }

            fn end(&mut self) -> ExitStatus {
                until(|| self.child.try_wait().unwrap())
            }
        }

        fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
            let deadline = Instant::now() + Duration::from_secs(10);
            loop {
                if let Some(found) = look() {
                    return found;
                }
                assert!(Instant::now() < deadline, "it took more than 10 s");
                std::thread::sleep(Duration::from_millis(2));
            }
        }

        #[test]
        fn it_ends_with_0_on_sigterm_and_sigint() {
            for signal in [Signal::TERM, Signal::INT] {
                let mut program = Program::start();
                program.signal(signal);
                let ended = program.end();
                assert_eq!((ended.code(), ended.signal()), (Some(0), None));
            }
        }

        #[test]
        fn it_ends_at_once_if_it_has_an_argument() {
            let ended = Program::spawn(&["done"]).end();
            assert_eq!((ended.code(), ended.signal()), (Some(0), None));
        }

        #[test]
        fn a_stop_and_a_continue_do_not_end_it() {
            let mut program = Program::start();
            program.signal(Signal::STOP);
            until(|| program.state().contains("T (stopped)").then_some(()));
            program.signal(Signal::CONT);
            until(|| program.state().contains("S (sleeping)").then_some(()));
            assert!(program.child.try_wait().unwrap().is_none());
            program.signal(Signal::TERM);
            assert_eq!(program.end().code(), Some(0));
        }
    }

    #[test]
    fn both_executables_are_small_and_of_their_machine() {
        for (arch, machine, code) in [(Arch::Amd64, 62, 64), (Arch::Arm64, 183, 80)] {
            let file = executable(arch);
            assert!(file.len() < 256, "{}", file.len());
            assert_eq!(&file[..4], b"\x7fELF");
            assert_eq!(file[18], machine);
            // The signal set closes the file, at a place the code's offsets lead to.
            assert_eq!(file.len(), 120 + code + 8);
            assert_eq!(&file[120 + code..], SIGNALS.to_le_bytes());
        }
    }
}
