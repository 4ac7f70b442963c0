// tests/fault/long_run.h: tests with a short form and a long one, and what they look at in a process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>

namespace duet {

// DUET_SECONDS of the environment, or else `otherwise`. Throws std::runtime_error when it is no number, or 0.
std::chrono::seconds run_time(std::chrono::seconds otherwise);

// Resident memory that is the process's own: pages of files do not count.
std::size_t resident_kib(pid_t process);
std::size_t open_descriptors(pid_t process);
std::size_t journal_segments(const std::filesystem::path& data_dir);
std::size_t journal_bytes(const std::filesystem::path& data_dir);

}  // namespace duet
