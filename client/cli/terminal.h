// client/cli/terminal.h: standard input and output of a chat. On a terminal, what arrives is printed above
// the line that is being typed.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/cli/line_editor.h"
#include "client/cli/output.h"

namespace duet {

class Terminal final : public Output {
 public:
  // Takes the terminal into character mode until it goes, if both ends are a terminal and `plain` is not
  // asked for.
  explicit Terminal(bool plain);
  ~Terminal() override;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  bool interactive() const { return interactive_; }

  // From any thread.
  void line(const std::string& text) override;
  void note(const std::string& text) override;
  void set_prompt(const std::string& prompt);

  struct Input {
    std::vector<std::string> lines;
    bool ended = false;   // no more will come
    bool typing = false;  // there is an unfinished line
  };
  // Takes what there is on standard input; waits while there is nothing. One thread.
  Input read();

 private:
  struct Mode;
  void erase_prompt();
  void draw_prompt();
  void write(const std::string& text);

  const bool interactive_;
  std::unique_ptr<Mode> mode_;
  std::mutex mutex_;
  // Guarded by mutex_.
  LineEditor editor_;
  std::string prompt_;
};

}  // namespace duet
