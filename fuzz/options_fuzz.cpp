// The plugin's options. Input: lines of a name, a space and a value.
#include <algorithm>
#include <vector>

#include "broker_plugin/options.h"
#include "fuzz/fuzz.h"

namespace duet::fuzz {
namespace {

void check_bounds(const Options& options) {
  require(!options.jwks_file.empty() && !options.journal_dir.empty(), "what is required is there");
  require(!options.tokens.issuer.empty() && !options.tokens.audience.empty(),
          "no token passes without a name");
  require(options.tokens.clock_skew.count() >= 0 && options.tokens.clock_skew.count() <= 3600,
          "the skew is an hour at most");
  require(options.partitions >= 1 && options.window_frames >= 1 && options.devices_per_user >= 1,
          "nothing that is needed is none");
  require(options.journal_sync_interval.count() >= 1 && options.segment_bytes >= 4096,
          "the journal's sizes are possible");
  require(options.rates.messages.per_second >= 0 && options.rates.messages.burst >= 1,
          "the rates let something pass");
  require((options.rates.connects.per_second == 0) == (options.rates.connects.burst == 0),
          "no limit on connects has one meaning");
  require(std::max({options.payload.body_bytes, options.payload.message_payload_bytes,
                    options.payload.other_payload_bytes}) < kMaxRecordBytes,
          "every payload fits a record");
}

}  // namespace

void run_input(std::string_view bytes) {
  Input input(bytes);
  std::vector<OptionText> texts;
  while (!input.empty()) {
    Input line(input.line());
    const auto name = line.take(line.rest().find(' '));
    line.take(1);
    texts.push_back({name, line.rest()});
  }
  const auto options = parse_options(texts);
  if (!options) {
    require(options.error().starts_with("plugin_opt_"), "an error names the option");
    return;
  }
  check_bounds(*options);
  std::vector<std::string_view> names;
  for (const auto& text : texts) {
    // Issuers may come from several files.
    if (text.name != "issuers_file") names.push_back(text.name);
  }
  std::sort(names.begin(), names.end());
  require(std::adjacent_find(names.begin(), names.end()) == names.end(), "no option is given twice");
}

}  // namespace duet::fuzz
