// file_io/core_dumps.h: what a process holds in memory stays off the disk when it dies.
#pragma once

namespace duet {

// From now on a crash of this process, and of all that it starts, leaves no core dump (RLIMIT_CORE, which
// cannot be raised again without privilege). Throws std::system_error.
void forbid_core_dumps();

// The same, whatever the system does with core dumps, and nobody but root can look into the process
// (PR_SET_DUMPABLE 0: no ptrace, no /proc/PID/mem). For those with private keys; a program started by it is
// as before. Builds with a sanitizer do not go so far: their leak check looks at itself with ptrace. A
// debugger that starts the program is not kept out.
void hide_memory();

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kHidesMemory = false;
#else
inline constexpr bool kHidesMemory = true;
#endif

}  // namespace duet
