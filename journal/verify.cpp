#include "journal/verify.h"

#include <system_error>
#include <utility>

#include "file_io/file.h"
#include "journal/segment.h"

namespace duet {
namespace {

class JournalCheck {
 public:
  explicit JournalCheck(const std::filesystem::path& directory) : directory_(directory) {}

  JournalVerified run() {
    const auto path = directory_ / "node";
    out_.node = read_node(path);
    if (!out_.node) {
      out_.errors.push_back(path.string() + ": no identity of a journal");
      return std::move(out_);
    }
    const auto found = list_segments(directory_);
    for (const RecordNumber first : found) check(first, first == found.back());
    return std::move(out_);
  }

 private:
  static std::optional<NodeId> read_node(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) return std::nullopt;
    auto node = NodeId::parse(read_file(path));
    if (node && node->str().size() != kNodeIdBytes) return std::nullopt;
    return node;
  }

  void check(RecordNumber first, bool newest) {
    const auto path = directory_ / segment_file_name(first);
    try {
      const auto scan = scan_segment(path, *out_.node, first);
      if (scan) return take(*scan, newest);
      no_segment(path, newest);
    } catch (const std::system_error&) {
      if (std::filesystem::exists(path)) throw;
      forget_what_was_before();
    }
  }

  // The broker removes the oldest first: so this one is gone, and all before it.
  void forget_what_was_before() {
    out_.segments = 0;
    out_.records = 0;
  }

  void no_segment(const std::filesystem::path& path, bool newest) {
    const auto text = path.string() + ", offset 0: not a segment of this journal";
    if (newest && !holds_any_record(path)) {
      out_.warnings.push_back(text + ": torn when it was made, or being made now");
    } else {
      out_.errors.push_back(text);
    }
  }

  void take(const SegmentScan& scan, bool newest) {
    const Segment& segment = scan.segment;
    if (out_.segments == 0) {
      out_.gone = segment.previous;
    } else if (segment.previous != out_.last && !damaged_) {
      out_.errors.push_back(segment.path.string() +
                            ", offset 0: a segment is missing before it, with records " +
                            std::to_string(out_.last + 1) + " to " + std::to_string(segment.previous));
    }
    damaged_ = false;
    ++out_.segments;
    if (!segment.empty()) out_.records += segment.last - segment.first + 1;
    out_.last = segment.last;
    if (scan.damage) note(segment, *scan.damage, newest);
  }

  void note(const Segment& segment, const SegmentDamage& damage, bool newest) {
    const auto text = segment.path.string() + ", offset " + std::to_string(damage.offset) + ": ";
    const std::string why = " (" + std::string(to_string(damage.error)) + ")";
    if (newest && !damage.whole_record_follows) {
      out_.warnings.push_back(text + "a torn record at the end, or one being written now" + why);
    } else {
      damaged_ = true;  // what follows is not missed twice
      out_.errors.push_back(text + "a damaged record" + why);
    }
  }

  const std::filesystem::path directory_;
  JournalVerified out_;
  bool damaged_ = false;  // the last segment
};

}  // namespace

JournalVerified verify_journal(const std::filesystem::path& directory) {
  return JournalCheck(directory).run();
}

std::optional<std::string> missing_records(const JournalVerified& journal, RecordNumber offset) {
  if (offset >= journal.gone) return std::nullopt;
  return "records " + std::to_string(offset + 1) + " to " + std::to_string(journal.gone) +
         " are neither in the database nor in the journal any more";
}

}  // namespace duet
