#include "client/cli/output.h"

#include <iostream>
#include <stdexcept>

namespace duet {

void PlainOutput::line(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (!(std::cout << text << '\n' << std::flush)) {
    throw std::runtime_error("cannot write to the standard output");
  }
}

void PlainOutput::note(const std::string& text) {
  const std::lock_guard lock(mutex_);
  std::cerr << "duet: " << text << std::endl;
}

bool refused_for_good(const std::string& state) {
  return state.find("not authorized") != std::string::npos;
}

void StateNotes::on_state(const std::string& state) {
  const std::lock_guard lock(mutex_);
  const bool good = state.starts_with("connected");
  if (good && !failed_) return;
  failed_ = !good;
  output_.note(state);
}

}  // namespace duet
