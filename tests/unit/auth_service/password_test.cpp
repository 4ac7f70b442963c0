#include "auth_service/password.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace duet {
namespace {

using testing::StartsWith;

constexpr Argon2Cost kCheap{.memory_kib = 64, .iterations = 1, .lanes = 1};

Password password(std::string_view text) {
  return *Password::parse(text);
}

TEST(PasswordText, Has8To1024BytesOfUtf8) {
  EXPECT_FALSE(Password::parse("1234567"));
  EXPECT_TRUE(Password::parse("12345678"));
  EXPECT_TRUE(Password::parse(std::string(1024, 'p')));
  EXPECT_FALSE(Password::parse(std::string(1025, 'p')));
  EXPECT_TRUE(Password::parse("p\xc3\xa4sswort"));
  EXPECT_FALSE(Password::parse("p\xe4sswort"));
  EXPECT_FALSE(
      Password::parse(std::string_view("1234\0"
                                       "5678",
                                       9)));
}

TEST(PasswordHasher, VerifiesTheRightPasswordOnly) {
  PasswordHasher hasher(kCheap, {});
  const auto hash = hasher.hash(password("correct horse"));
  ASSERT_TRUE(hash);
  EXPECT_THAT(*hash, StartsWith("$argon2id$v=19$m=64,t=1,p=1$"));
  EXPECT_TRUE(*hasher.verify(password("correct horse"), *hash));
  EXPECT_FALSE(*hasher.verify(password("Correct horse"), *hash));
}

TEST(PasswordHasher, SaltsEachHash) {
  PasswordHasher hasher(kCheap, {});
  EXPECT_NE(*hasher.hash(password("correct horse")), *hasher.hash(password("correct horse")));
}

TEST(PasswordHasher, ComputesOnceForNobody) {
  PasswordHasher hasher(kCheap, {});
  EXPECT_FALSE(*hasher.verify(password("correct horse"), std::nullopt));
  EXPECT_EQ(hasher.computations(), 1U);
}

TEST(PasswordHasher, KnowsHashesOfAnotherCost) {
  PasswordHasher hasher(kCheap, {});
  PasswordHasher dearer({.memory_kib = 64, .iterations = 2, .lanes = 1}, {});
  const auto hash = *hasher.hash(password("correct horse"));
  EXPECT_FALSE(hasher.outdated(hash));
  EXPECT_TRUE(dearer.outdated(hash));
  EXPECT_TRUE(*dearer.verify(password("correct horse"), hash));
}

TEST(PasswordHasher, RefusesADamagedHash) {
  PasswordHasher hasher(kCheap, {});
  EXPECT_THROW(static_cast<void>(hasher.verify(password("correct horse"), "$argon2id$nonsense")),
               std::runtime_error);
  EXPECT_TRUE(hasher.hash(password("correct horse")));  // its turn was given back
}

// One computes for long enough that the others must meet it; nobody may wait.
TEST(PasswordHasher, AnswersBusyWhenTooManyWait) {
  PasswordHasher hasher({.memory_kib = 16 * 1024, .iterations = 4, .lanes = 1}, {.at_once = 1, .waiting = 0});
  std::atomic<int> busy{0};
  std::atomic<int> done{0};
  std::atomic<bool> go{false};
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        while (!go) std::this_thread::yield();
        for (int turn = 0; turn < 200 && busy == 0; ++turn) {
          ++(hasher.hash(password("correct horse")) ? done : busy);
        }
      });
    }
    go = true;
  }
  EXPECT_GT(busy, 0);
  EXPECT_EQ(hasher.computations(), static_cast<std::uint64_t>(done.load()));
}

TEST(PasswordHasher, ThoseWhoMayWaitGetTheirTurn) {
  PasswordHasher hasher(kCheap, {.at_once = 1, .waiting = 3});
  std::atomic<int> done{0};
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int turn = 0; turn < 50; ++turn) done += hasher.hash(password("correct horse")) ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(done, 200);
}

}  // namespace
}  // namespace duet
