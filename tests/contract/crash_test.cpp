// What stands after a process died.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;

class Crash : public StoreContract {
 protected:
  // Runs `body` on the database in a child process, which then dies without closing anything: by _exit, or
  // by kill -9 once the body has returned.
  void in_child(bool killed, const std::function<void(Database&)>& body) {
    close();
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) run_child(ready[1], killed, body);
    ::close(ready[1]);
    char token = 0;
    const bool told = read(ready[0], &token, 1) == 1;
    ::close(ready[0]);
    if (killed) kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(told) << "the child failed";
    open();
  }

 private:
  // The child's main: whatever it throws must not go on in a second copy of the test program.
  [[noreturn]] void run_child(int ready, bool killed, const std::function<void(Database&)>& body) try {
    const auto database = GetParam().open(directory());
    body(*database);
    const bool told = write(ready, "x", 1) == 1;
    while (killed && told) pause();  // NOLINT(bugprone-infinite-loop): until SIGKILL
    _exit(told ? 0 : 1);
  } catch (const std::exception& e) {
    std::cerr << "child: " << e.what() << '\n';
    _exit(1);
  }
};

INSTANTIATE_TEST_SUITE_P(Dying, Crash, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

// No file of this process may grow beyond `bytes`: its disk is full.
void limit_file_size(rlim_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) throw std::runtime_error("setrlimit failed");
}

// What a full disk leads to; throws when it does not.
void fail_on_a_full_disk(Database& database) {
  signal(SIGXFSZ, SIG_IGN);
  limit_file_size(rlim_t{256} * 1024);
  bool failed = false;
  const auto transaction = database.begin();
  try {
    for (int i = 0; i < 500; ++i) {
      transaction->append(message("alice", "bob", "lost" + std::to_string(i), 1, std::string(4000, 'x')));
    }
    transaction->commit();
  } catch (const StoreError&) {
    failed = true;
  }
  if (!failed) throw std::runtime_error("a full disk was not noticed");
  try {
    transaction->commit();
  } catch (const StoreError&) {
    limit_file_size(RLIM_INFINITY);
    return;
  }
  throw std::runtime_error("a transaction that failed could be committed");
}

void commit_messages(Database& database, int from, int to) {
  for (int i = from; i <= to; ++i) {
    const auto transaction = database.begin();
    transaction->append(message("alice", "bob", "m" + std::to_string(i), i, "body"));
    transaction->set_ingest_offset(node('a'), 0, static_cast<RecordNumber>(i));
    transaction->commit();
  }
}

TEST_P(Crash, WhatWasCommittedStands) {
  for (const bool killed : {false, true}) {
    const int first = killed ? 31 : 1;
    in_child(killed, [&](Database& child) { commit_messages(child, first, first + 29); });
  }
  EXPECT_EQ(reader()->history(user("alice"), user("bob"), {}, {}, 100, kNoByteLimit).items.size(), 60U);
  const auto transaction = database().begin();
  EXPECT_EQ(transaction->ingest_offset(node('a'), 0), 60U);
  EXPECT_TRUE(transaction->append(message("alice", "bob", "m1")).duplicate);
  EXPECT_TRUE(transaction->append(message("alice", "bob", "m60")).duplicate);
  const Appended next = transaction->append(message("bob", "alice", "b1", 1));
  EXPECT_EQ(next.message.envelope.seq, 61U);
  EXPECT_EQ(next.message.envelope.ts, at(60));
}

TEST_P(Crash, AnOpenTransactionIsGoneWhole) {
  in_child(true, [&](Database& child) {
    commit_messages(child, 1, 2);
    // Leaked, so that it is open when the process dies. Large, so that some of it reached the file.
    WriteTransaction* open = child.begin().release();
    for (int i = 0; i < 2000; ++i) {
      open->append(message("alice", "bob", "lost" + std::to_string(i), 1, std::string(1000, 'x')));
    }
    open->raise_marks(user("bob"), user("alice"), {2, 2});
    open->set_ingest_offset(node('a'), 0, 99);
  });
  EXPECT_THAT(seqs(reader()->history(user("alice"), user("bob"), {}, {}, 100, kNoByteLimit)),
              ElementsAre(1, 2));
  EXPECT_EQ(reader()->last_log_number(), 2U);
  const auto transaction = database().begin();
  EXPECT_EQ(transaction->ingest_offset(node('a'), 0), 2U);
  EXPECT_FALSE(transaction->append(message("alice", "bob", "lost0")).duplicate);
  EXPECT_EQ(transaction->raise_marks(user("bob"), user("alice"), {1, 0}).outcome,
            RaisedMarks::Outcome::raised);
}

TEST_P(Crash, AFullDiskFailsTheTransactionAndTheNextOneWorks) {
  in_child(false, [](Database& child) {
    commit_messages(child, 1, 2);
    fail_on_a_full_disk(child);
    commit_messages(child, 3, 3);
  });
  EXPECT_THAT(seqs(reader()->history(user("alice"), user("bob"), {}, {}, 100, kNoByteLimit)),
              ElementsAre(1, 2, 3));
  const auto transaction = database().begin();
  EXPECT_FALSE(transaction->append(message("alice", "bob", "lost0")).duplicate);
  EXPECT_TRUE(transaction->append(message("alice", "bob", "m3")).duplicate);
}

TEST_P(Crash, TheEpochIsStable) {
  const std::string epoch = database().epoch();
  in_child(true, [](Database& child) { commit_messages(child, 1, 1); });
  EXPECT_EQ(database().epoch(), epoch);
}

}  // namespace
}  // namespace duet
