//! The process that holds a pod's namespaces open: it waits for SIGTERM or SIGINT and reaps whatever is orphaned to it.

#![no_std]
#![no_main]

use core::arch::{asm, global_asm};

const SIGINT: u64 = 2;
const SIGTERM: u64 = 15;
const SIGCHLD: u64 = 17;
const WNOHANG: usize = 1;
const SIG_BLOCK: usize = 0;
/// The size of a kernel signal set.
const SET_SIZE: usize = 8;

#[cfg(target_arch = "x86_64")]
mod number {
    pub const RT_SIGPROCMASK: usize = 14;
    pub const WAIT4: usize = 61;
    pub const RT_SIGTIMEDWAIT: usize = 128;
    pub const EXIT_GROUP: usize = 231;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub const RT_SIGPROCMASK: usize = 135;
    pub const WAIT4: usize = 260;
    pub const RT_SIGTIMEDWAIT: usize = 137;
    pub const EXIT_GROUP: usize = 94;
}

#[cfg(target_arch = "x86_64")]
fn syscall(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let answer: isize;
    // SAFETY: the kernel clobbers rcx and r11 alone, and every pointer passed lives across the call.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => answer, in("rdi") a, in("rsi") b, in("rdx") c,
             in("r10") d, lateout("rcx") _, lateout("r11") _);
    }
    answer
}

#[cfg(target_arch = "aarch64")]
fn syscall(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let answer: isize;
    // SAFETY: the kernel keeps every other register, and every pointer passed lives across the call.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a as isize => answer, in("x1") b, in("x2") c, in("x3") d);
    }
    answer
}

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "and rsp, -16", "call pause");

#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "bl pause");

fn bit(signal: u64) -> u64 {
    1 << (signal - 1)
}

#[unsafe(no_mangle)]
extern "C" fn pause() -> ! {
    // Blocked signals are kept for sigtimedwait even where the default would drop them, as it would for a pid 1.
    let set = bit(SIGINT) | bit(SIGTERM) | bit(SIGCHLD);
    let set = &raw const set as usize;
    syscall(number::RT_SIGPROCMASK, SIG_BLOCK, set, 0, SET_SIZE);
    loop {
        match syscall(number::RT_SIGTIMEDWAIT, set, 0, 0, SET_SIZE) as u64 {
            SIGINT | SIGTERM => break,
            SIGCHLD => while syscall(number::WAIT4, usize::MAX, 0, WNOHANG, 0) > 0 {},
            _ => {}
        }
    }
    loop {
        syscall(number::EXIT_GROUP, 0, 0, 0, 0);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        syscall(number::EXIT_GROUP, 1, 0, 0, 0);
    }
}
