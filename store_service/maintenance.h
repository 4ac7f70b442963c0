// store_service/maintenance.h: what an operator does with a database beside the service: verify, back up,
// restore. Results go to the standard output, progress and failures to the standard error.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace duet {

// Exit statuses of duet-store.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;    // it did not work; of verify: something is broken
inline constexpr int kExitNotTried = 2;  // wrong usage; of verify: there is nothing that could be verified

struct VerifyCommand {
  std::filesystem::path database;
  std::vector<std::filesystem::path> journals;
  std::size_t max_lines = 100;
  bool names = false;
};
struct BackupCommand {
  std::filesystem::path database;
  std::filesystem::path to;
};
struct RestoreCommand {
  std::filesystem::path backup;
  std::filesystem::path database;
  bool replace = false;
};

// Each returns an exit status, and throws StoreError or std::system_error.
int run(const VerifyCommand& command);
int run(const BackupCommand& command);
int run(const RestoreCommand& command);

}  // namespace duet
