// client/cli/output.h: lines on standard output, and what is said about them on standard error.
#pragma once

#include <mutex>
#include <string>

namespace duet {

// From any thread. A line is out when the function returns.
class Output {
 public:
  virtual ~Output() = default;
  // Throws std::runtime_error when nobody reads any more.
  virtual void line(const std::string& text) = 0;
  // About the connection, for people.
  virtual void note(const std::string& text) = 0;
};

class PlainOutput final : public Output {
 public:
  void line(const std::string& text) override;
  void note(const std::string& text) override;

 private:
  std::mutex mutex_;
};

// Whether what a client says of its connection leaves a single command no hope: its token is refused.
bool refused_for_good(const std::string& state);

// What a client says of its connection, passed on when it is worth a note: failures, and that they are over.
class StateNotes {
 public:
  explicit StateNotes(Output& output) : output_(output) {}
  void on_state(const std::string& state);

 private:
  Output& output_;
  std::mutex mutex_;
  bool failed_ = false;
};

}  // namespace duet
