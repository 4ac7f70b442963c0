#include "store_service/maintenance.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>

#include "journal/verify.h"
#include "store_service/sqlite/backup.h"
#include "store_service/sqlite/verify.h"

namespace duet {
namespace {

void require_written() {
  if (!(std::cout << std::flush)) throw std::runtime_error("cannot write to the standard output");
}

void tell_violation(const std::string& line) {
  std::cout << "violation: " << line << '\n';
}

// One line on the standard error that counts up: on a terminal it is drawn anew, elsewhere a line for each
// tenth.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}
  ~ProgressLine() {
    if (drawn_ && on_terminal_) std::cerr << '\n';
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::uintmax_t done, std::uintmax_t of) {
    const std::uintmax_t percent = of == 0 ? 0 : std::min<std::uintmax_t>(done * 100 / of, 100);
    const std::uintmax_t step = on_terminal_ ? percent : percent / 10;
    if (last_ == step) return;
    last_ = step;
    drawn_ = true;
    std::cerr << (on_terminal_ ? "\r" : "") << what_ << ": " << percent << "% of " << of / 1'000'000 << " MB"
              << (on_terminal_ ? "" : "\n") << std::flush;
  }

 private:
  const std::string what_;
  const bool on_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool drawn_ = false;
  std::optional<std::uintmax_t> last_;
};

struct Journals {
  std::vector<JournalVerified> verified;
  std::uint64_t errors = 0;
};

Journals verify_journals(const std::vector<std::filesystem::path>& directories) {
  Journals journals;
  for (const auto& directory : directories) {
    auto journal = verify_journal(directory);
    for (const auto& error : journal.errors) tell_violation("journal: " + error);
    for (const auto& warning : journal.warnings) std::cout << "warning: journal: " << warning << '\n';
    journals.errors += journal.errors.size();
    journals.verified.push_back(std::move(journal));
  }
  return journals;
}

// Whether the database and a journal together have every record of the node.
std::uint64_t compare(const JournalVerified& journal, const Verified& database) {
  if (!journal.node || journal.segments == 0) return 0;
  const auto known = database.offsets.find(*journal.node);
  const RecordNumber offset = known == database.offsets.end() ? 0 : known->second;
  if (offset > journal.last) {
    std::cout << "warning: node " << journal.node->str() << ": the database has records up to " << offset
              << ", the journal only up to " << journal.last
              << ": it lost its end (a power cut), and goes on beyond\n";
  }
  const auto missing = missing_records(journal, offset);
  if (!missing) return 0;
  tell_violation("journal: node " + journal.node->str() + ": " + *missing);
  return 1;
}

void summarize(const Verified& database, const Journals& journals, std::uint64_t violations) {
  std::uint64_t records = 0;
  for (const auto& journal : journals.verified) records += journal.records;
  std::cout << (violations == 0 ? "sound: " : "broken: ") << violations << " violations; "
            << database.messages << " messages in " << database.conversations
            << " conversations, last log number " << database.last_log;
  if (!journals.verified.empty()) {
    std::cout << "; " << records << " records in " << journals.verified.size()
              << (journals.verified.size() == 1 ? " journal" : " journals");
  }
  std::cout << '\n';
}

}  // namespace

int run(const VerifyCommand& command) try {
  // The journals first: what a journal forgets after that is in the database by the time that is read.
  const Journals journals = verify_journals(command.journals);
  const Verified database = verify_sqlite(
      command.database, {.max_told = command.max_lines, .names = command.names}, tell_violation);
  std::uint64_t violations = database.violations + journals.errors;
  for (const auto& journal : journals.verified) violations += compare(journal, database);
  if (database.violations > command.max_lines) {
    std::cout << "… and " << database.violations - command.max_lines << " violations more\n";
  }
  summarize(database, journals, violations);
  require_written();
  return violations == 0 ? kExitDone : kExitFailed;
} catch (const std::exception& error) {
  std::cerr << "duet-store verify: " << error.what() << '\n';
  return kExitNotTried;
}

int run(const BackupCommand& command) {
  {
    ProgressLine line("copying");
    back_up_sqlite(command.database, command.to,
                   [&](std::uintmax_t done, std::uintmax_t of) { line.show(done, of); });
  }
  std::cout << "backup written: " << command.to.string() << '\n';
  require_written();
  return kExitDone;
}

int run(const RestoreCommand& command) {
  std::cerr << "verifying " << command.backup.string() << '\n';
  ProgressLine line("copying");
  const Restored restored =
      restore_sqlite(command.backup, command.database, {.replace = command.replace, .verify = {}},
                     tell_violation, [&](std::uintmax_t done, std::uintmax_t of) { line.show(done, of); });
  if (restored.backup.violations > 0) {
    throw std::runtime_error(command.backup.string() + " is broken; nothing was changed");
  }
  if (restored.aside) std::cout << "the database that was there is now " << restored.aside->string() << '\n';
  std::cout << "restored: " << command.database.string() << " with " << restored.backup.messages
            << " messages; its epoch is " << restored.epoch << ", so every client synchronizes anew\n";
  require_written();
  return kExitDone;
}

}  // namespace duet
