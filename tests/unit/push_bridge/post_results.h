// tests/unit/push_bridge/post_results.h: what became of the requests that a test has posted.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

#include "push_bridge/http_post.h"
#include "tests/support/patience.h"

namespace duet {

// Posts, and waits for what comes of it. Outlives the poster, which calls it.
class PostResults {
 public:
  // Whether it was taken.
  bool post(Poster& poster, int n, HttpPost request) {
    return poster.post(std::move(request), [this, n](PostResult result) {
      const std::scoped_lock lock(mutex_);
      EXPECT_FALSE(results_.contains(n)) << "answered twice";
      results_[n] = std::move(result);
      changed_.notify_all();
    });
  }
  // Waits for a place.
  void post_in_turn(Poster& poster, int n, const HttpPost& request) {
    std::unique_lock lock(mutex_);
    for (;;) {
      const std::size_t before = results_.size();
      lock.unlock();
      const bool taken = post(poster, n, request);
      lock.lock();
      if (taken) return;
      const auto one_more = [&] { return results_.size() > before; };
      ASSERT_TRUE(changed_.wait_for(lock, kPatience, one_more)) << "no place for " << n;
    }
  }
  const PostResult& of(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return results_.contains(n); });
    return results_.at(n);
  }
  std::map<int, PostResult> wait_all(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return results_.size() >= count; });
    return results_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, PostResult> results_;
};

}  // namespace duet
